//! A page: sections of text, tables and plots, as one HTML document that needs nothing beside it.

use crate::escape::escape;
use std::fmt::Write;

/// Light and dark as the reader's screen is; printed always light, and no figure torn in two.
const STYLE: &str = include_str!("page.css");

/// A page under construction.
#[derive(Debug, Default)]
pub struct Page {
    title: String,
    subtitle: String,
    sections: Vec<Section>,
}

/// A part of a page with its own heading.
#[derive(Debug)]
pub struct Section {
    title: String,
    body: String,
}

impl Page {
    pub fn new(title: impl Into<String>, subtitle: impl Into<String>) -> Self {
        Self { title: title.into(), subtitle: subtitle.into(), sections: Vec::new() }
    }

    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The document.
    pub fn html(&self) -> String {
        let (title, subtitle) = (escape(&self.title), escape(&self.subtitle));
        let mut contents = String::new();
        let mut body = String::new();
        for (at, section) in self.sections.iter().enumerate() {
            let heading = escape(&section.title);
            // Writing to a String does not fail.
            let _ = write!(contents, "<li><a href=\"#part-{at}\">{heading}</a></li>");
            let _ = write!(
                body,
                "<section id=\"part-{at}\" aria-labelledby=\"head-{at}\"><h2 id=\"head-{at}\">{heading}</h2>\n{}</section>\n",
                section.body
            );
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
             <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body><header><h1>{title}</h1><p>{subtitle}</p></header>\n\
             <nav aria-label=\"Contents\"><ul>{contents}</ul></nav>\n<main>\n{body}</main></body></html>\n"
        )
    }
}

impl Section {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), body: String::new() }
    }

    /// A paragraph.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        let _ = writeln!(self.body, "<p>{}</p>", escape(text));
        self
    }

    /// A remark: what is missing, and how it would be there.
    #[must_use]
    pub fn note(mut self, text: &str) -> Self {
        let _ = writeln!(self.body, "<p class=\"note\">{}</p>", escape(text));
        self
    }

    /// Text in its own lines, such as a query.
    #[must_use]
    pub fn code(mut self, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(escape).collect();
        let _ = writeln!(self.body, "<pre>{}</pre>", lines.join("\n"));
        self
    }

    /// Names with their values.
    #[must_use]
    pub fn facts(mut self, facts: &[(String, String)]) -> Self {
        if facts.is_empty() {
            return self;
        }
        self.body.push_str("<div class=\"wide\"><table class=\"facts\"><tbody>");
        for (name, value) in facts {
            let _ = write!(
                self.body,
                "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
                escape(name),
                escape(value)
            );
        }
        self.body.push_str("</tbody></table></div>\n");
        self
    }

    /// A table with headings over its columns.
    #[must_use]
    pub fn table(mut self, caption: &str, columns: &[&str], rows: &[Vec<String>]) -> Self {
        let _ =
            write!(self.body, "<div class=\"wide\"><table><caption>{}</caption><thead><tr>", escape(caption));
        for column in columns {
            let _ = write!(self.body, "<th scope=\"col\">{}</th>", escape(column));
        }
        self.body.push_str("</tr></thead><tbody>");
        for row in rows {
            self.body.push_str("<tr>");
            for cell in row {
                // Numbers stand under each other.
                let class = if cell.parse::<f64>().is_ok() { " class=\"number\"" } else { "" };
                let _ = write!(self.body, "<td{class}>{}</td>", escape(cell));
            }
            self.body.push_str("</tr>");
        }
        self.body.push_str("</tbody></table></div>\n");
        self
    }

    /// A plot of [`crate::plot`] with what it shows below it.
    #[must_use]
    pub fn plot(mut self, svg: &str, caption: &str) -> Self {
        let _ = writeln!(self.body, "<figure>{svg}<figcaption>{}</figcaption></figure>", escape(caption));
        self
    }
}
