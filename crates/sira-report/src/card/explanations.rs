//! What the model looks at: importance in training, and contributions to scores.

use super::json::{list, number, string, text};
use crate::page::Section;
use crate::plot::{Bar, Swarm, SwarmBin, bars, beeswarm};
use serde_json::Value;
use sira_core::Result;

/// Features drawn; the JSON has them all.
const DRAWN: usize = 20;

pub fn explanations(card: &Value) -> Result<Section> {
    let mut section = Section::new("What it looks at");
    let mut importance: Vec<Bar<'_>> = list(card, "importance")
        .iter()
        .filter_map(|one| Some(Bar { name: string(one, "feature")?, amount: number(one, "gain")? }))
        .collect();
    importance.sort_by(|a, b| b.amount.total_cmp(&a.amount));
    let all = importance.len();
    importance.truncate(DRAWN);
    section = match importance.is_empty() {
        true => section.note("Importance was not recorded: it comes with a training run."),
        false => section.plot(
            &bars("Importance by gain", "gain", &importance)?,
            &format!(
                "Gain in training: how much splits by a feature reduced the loss ({} of {all} features).",
                importance.len()
            ),
        ),
    };
    let shap = card.get("curves").and_then(|curves| curves.get("shap")).unwrap_or(&Value::Null);
    let contributions: Vec<Bar<'_>> = list(shap, "mean_absolute")
        .iter()
        .take(DRAWN)
        .filter_map(|one| Some(Bar { name: string(one, "feature")?, amount: number(one, "value")? }))
        .collect();
    if contributions.is_empty() {
        return Ok(section.note("Contributions to scores (SHAP) were not recorded."));
    }
    let rows = text(shap, "rows");
    section = section.plot(
        &bars("Mean |contribution| (SHAP)", "mean |contribution|", &contributions)?,
        &format!("Exact SHAP values of {rows} test rows: how far a feature moves the raw score on average."),
    );
    let swarms: Vec<(&str, Vec<SwarmBin>)> =
        list(shap, "swarm").iter().filter_map(|one| Some((string(one, "feature")?, bins(one)))).collect();
    if swarms.is_empty() {
        return Ok(section);
    }
    let swarms: Vec<Swarm<'_>> = swarms.iter().map(|(name, bins)| Swarm { name, bins }).collect();
    Ok(section.plot(
        &beeswarm("SHAP summary", &swarms)?,
        "Contributions of single rows, in bins; to the right they raise the score. Colours tell the mean rank of the values \
         in a bin, and only where enough rows share it: no single value can be read.",
    ))
}

fn bins(swarm: &Value) -> Vec<SwarmBin> {
    list(swarm, "bins")
        .iter()
        .filter_map(|bin| {
            Some(SwarmBin {
                contribution: bin.get(0)?.as_f64()?,
                rows: bin.get(1)?.as_f64()?,
                rank: bin.get(2).and_then(Value::as_f64),
            })
        })
        .collect()
}
