mod models;
mod peer;

fn main() -> models::Outcome<()> {
    for shape in models::SHAPES {
        let text = models::text(shape)?;
        let peer = peer::Peer::new(&text)?;
        let (rows, labels) = models::rows(1000, 7);
        let t = std::time::Instant::now();
        let s: f64 = rows.chunks(30).map(|r| peer.one_row(r)).sum();
        println!("{} {s} {:?} {}", shape.name(), t.elapsed() / 1000, labels.iter().sum::<f64>());
    }
    Ok(())
}
