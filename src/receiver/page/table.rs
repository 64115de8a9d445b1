//! Tables: one description, rendered as HTML by a template and as CSV here.
//!
//! Invariant: a cell of the CSV that a spreadsheet would take for a formula begins with an apostrophe (OWASP), whatever
//! text others have chosen.

use super::format;

/// A table of a view.
#[derive(Debug, Default)]
pub struct Table {
    /// Title, which is the table's caption.
    pub caption: String,
    /// A sentence on what the rows are.
    pub note: String,
    /// Headings.
    pub columns: Vec<Heading>,
    pub rows: Vec<Vec<TableCell>>,
    /// Text in place of a table without rows.
    pub empty: String,
    /// URL of the CSV with all rows.
    pub csv: Option<String>,
    /// URL of the next rows.
    pub next: Option<String>,
}

/// Heading of a column.
#[derive(Debug, Clone, Copy)]
pub struct Heading {
    pub name: &'static str,
    pub is_number: bool,
    /// True for a column of buttons and links that do something, which no CSV has.
    pub is_action: bool,
}

/// Value in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableCell {
    None,
    Text(String),
    /// Text that is a name of the machine's world, such as an id or a command.
    Code(String),
    Link {
        text: String,
        href: String,
    },
    /// Address elsewhere.
    Outside {
        text: String,
        href: String,
    },
    Number(i64),
    /// Micro-dollars.
    Money(i64),
    /// RFC 3339.
    Time(String),
    /// A state, with the class of its colour.
    Badge {
        text: String,
        class: &'static str,
    },
    List(Vec<TableCell>),
    /// A form with one button, and the address that it is posted to.
    Button {
        text: &'static str,
        action: String,
    },
}

impl Heading {
    pub const fn text(name: &'static str) -> Heading {
        Heading { name, is_number: false, is_action: false }
    }

    pub const fn number(name: &'static str) -> Heading {
        Heading { name, is_number: true, is_action: false }
    }

    /// A column without a name.
    pub const fn action() -> Heading {
        Heading { name: "", is_number: false, is_action: true }
    }
}

impl TableCell {
    /// A text, or nothing if it is empty.
    pub fn text(text: impl Into<String>) -> TableCell {
        let text = text.into();
        if text.is_empty() { TableCell::None } else { TableCell::Text(text) }
    }

    pub fn optional(text: Option<String>) -> TableCell {
        text.map_or(TableCell::None, TableCell::text)
    }

    pub fn number(number: Option<i64>) -> TableCell {
        number.map_or(TableCell::None, TableCell::Number)
    }

    pub fn money(micros: Option<i64>) -> TableCell {
        micros.map_or(TableCell::None, TableCell::Money)
    }

    pub fn time(rfc3339: Option<String>) -> TableCell {
        rfc3339.filter(|text| !text.is_empty()).map_or(TableCell::None, TableCell::Time)
    }

    /// A link within the page.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> TableCell {
        TableCell::Link { text: text.into(), href: href.into() }
    }

    pub fn is_number(&self) -> bool {
        matches!(self, TableCell::Number(_) | TableCell::Money(_))
    }

    /// Text for people.
    pub fn shown(&self) -> String {
        match self {
            TableCell::None | TableCell::List(_) => String::new(),
            TableCell::Text(text)
            | TableCell::Code(text)
            | TableCell::Link { text, .. }
            | TableCell::Outside { text, .. } => text.clone(),
            TableCell::Badge { text, .. } => text.clone(),
            TableCell::Number(number) => format::integer(*number),
            TableCell::Money(micros) => format::dollars(*micros),
            TableCell::Time(rfc3339) => format::minute(rfc3339),
            TableCell::Button { text, .. } => (*text).to_owned(),
        }
    }

    /// Value in a CSV document.
    fn value(&self) -> String {
        match self {
            TableCell::Number(number) => number.to_string(),
            TableCell::Money(micros) => format::exact_dollars(*micros),
            TableCell::Time(rfc3339) => rfc3339.clone(),
            TableCell::Outside { href, .. } => href.clone(),
            TableCell::List(cells) => cells.iter().map(TableCell::value).collect::<Vec<_>>().join(" "),
            other => other.shown(),
        }
    }
}

/// A table as CSV (RFC 4180), with a line of headings.
pub fn csv(table: &Table) -> String {
    let mut text = String::new();
    let columns = table.columns.iter().filter(|column| !column.is_action);
    write_line(&mut text, columns.map(|column| column.name.to_owned()));
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns).filter(|(_, column)| !column.is_action);
        let values = cells.map(|(cell, _)| match cell {
            TableCell::Number(_) | TableCell::Money(_) => cell.value(),
            other => neutralized(other.value()),
        });
        write_line(&mut text, values);
    }
    text
}

fn write_line(text: &mut String, values: impl Iterator<Item = String>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if value.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&value.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&value);
        }
    }
    text.push_str("\r\n");
}

/// A text that no spreadsheet takes for a formula.
fn neutralized(value: String) -> String {
    if value
        .trim_start_matches(' ')
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
    {
        return format!("'{value}");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_and_neutralizes_what_others_chose() {
        let table = Table {
            columns: vec![Heading::text("name"), Heading::number("number"), Heading::action()],
            rows: vec![
                vec![
                    TableCell::text("=1+1"),
                    TableCell::Number(-5),
                    TableCell::Button { text: "Revoke", action: "/x".to_owned() },
                ],
                vec![TableCell::text("a,\"b\"\nc"), TableCell::Money(1_500_000), TableCell::None],
                vec![TableCell::text("@x"), TableCell::None, TableCell::None],
                vec![
                    TableCell::text("＝1"),
                    TableCell::Time("2025-03-01T00:00:00Z".to_owned()),
                    TableCell::None,
                ],
                vec![
                    TableCell::List(vec![TableCell::text("-a"), TableCell::text("b")]),
                    TableCell::None,
                    TableCell::None,
                ],
            ],
            ..Table::default()
        };
        assert_eq!(
            csv(&table),
            "name,number\r\n'=1+1,-5\r\n\"a,\"\"b\"\"\nc\",1.500000\r\n'@x,\r\n'＝1,2025-03-01T00:00:00Z\r\n'-a b,\r\n"
        );
    }
}
