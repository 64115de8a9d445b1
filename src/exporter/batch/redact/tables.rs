//! Tables: secrets in the column under a heading that names one, in Markdown, in the output of databases and other
//! programs, in files of comma-separated values.
//!
//! Linear in the text: the rows of a table, and a line that turns out to be no heading, are read once.

use std::ops::Range;

use crate::exporter::batch::redact::assigned::{self, pair::STRING_OPENINGS};
use crate::exporter::batch::redact::rule::Strength;
use crate::exporter::batch::redact::work;

/// Bytes of a heading's line, and of one heading.
const LINE_BYTES_MAX: usize = 1 << 10;
const HEADING_BYTES_MAX: usize = 40;
/// Bytes of a name behind its keyword.
const SUFFIX_BYTES_MAX: usize = 24;
/// Rows of a table that are read.
const ROWS_MAX: usize = 500;

/// A keyword of a name without a value, which may head a column.
pub(super) struct HeadingKeyword {
    pub(super) keyword: Range<usize>,
    pub(super) strength: Strength,
    /// Index of the rule.
    pub(super) rule: usize,
}

/// A cell that holds a secret, and the rule of its heading.
pub(super) struct Cell {
    pub(super) range: Range<usize>,
    pub(super) rule: usize,
}

/// The separator of the columns of a table.
#[derive(Clone, Copy)]
enum ColumnGap {
    Sign(char),
    /// Two blanks or more.
    Blanks,
}

/// True if a cell may end behind this keyword.
pub(super) fn may_head_column(bytes: &[u8], keyword: &Range<usize>) -> bool {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let rest = &bytes[keyword.end..];
    let suffix = rest.iter().take(SUFFIX_BYTES_MAX).take_while(is_name).count();
    let rest = &rest[suffix..];
    let quotes = rest.iter().take(2).take_while(|byte| b"\"'*`".contains(byte)).count();
    let rest = &rest[quotes..];
    let blanks = rest.iter().take(HEADING_BYTES_MAX).take_while(|byte| **byte == b' ').count();
    blanks >= 2 || matches!(rest.get(blanks), Some(b'|' | b',' | b';' | b')' | b'\t' | b'\r' | b'\n' | 0xE2))
}

/// Finds the secrets in the columns under the candidates.
pub(super) fn find(text: &str, mut candidates: Vec<HeadingKeyword>) -> Vec<Cell> {
    candidates.sort_by_key(|candidate| candidate.keyword.start);
    let mut cells = Vec::new();
    let mut resume_at = 0;
    let mut rest = candidates.as_slice();
    while let Some(first) = rest.first() {
        if first.keyword.start < resume_at {
            rest = &rest[1..];
            continue;
        }
        let Some(line) = line_around(text, first.keyword.start) else {
            rest = &rest[1..];
            continue;
        };
        let count = rest.iter().take_while(|candidate| candidate.keyword.start < line.end).count();
        resume_at = read_table(text, line, &rest[..count], &mut cells);
        rest = &rest[count..];
    }
    cells
}

/// The line around a position; `None` if it is too long for headings.
fn line_around(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let before = &bytes[at.saturating_sub(LINE_BYTES_MAX)..at];
    let mut start = match memchr::memrchr(b'\n', before) {
        Some(line_break) => at - before.len() + line_break + 1,
        None if before.len() == at => 0,
        None => return None,
    };
    // The first line of a string in a document.
    for opening in &*STRING_OPENINGS {
        let string = opening.rfind(&bytes[start..at]);
        start = string.map_or(start, |string| start + string + opening.needle().len());
    }
    let after = &bytes[at..bytes.len().min(at + LINE_BYTES_MAX)];
    let end = match memchr::memchr(b'\n', after) {
        Some(line_break) => at + line_break,
        None if at + after.len() == bytes.len() => bytes.len(),
        None => return None,
    };
    Some(start..end)
}

/// The end of a row: of its line, or of the string in a document.
fn row_end(text: &str, start: usize) -> usize {
    let line =
        &text[start..start + memchr::memchr(b'\n', &text.as_bytes()[start..]).unwrap_or(text.len() - start)];
    let string = ["\"}", "\"]", "\",\"n"].iter().filter_map(|closing| line.find(closing)).min();
    start + string.unwrap_or(line.len())
}

/// Reads the table whose headings are in this line, and returns its end.
fn read_table(text: &str, line: Range<usize>, candidates: &[HeadingKeyword], found: &mut Vec<Cell>) -> usize {
    let headings = &text[line.clone()];
    let names: Vec<(Range<usize>, Strength, usize)> = candidates
        .iter()
        .filter_map(|candidate| {
            let (name, strength) = assigned::heading(text, candidate.keyword.clone(), candidate.strength)?;
            Some((name, strength, candidate.rule))
        })
        .collect();
    let Some((first, ..)) = names.first() else { return line.end };
    if let Some(end) = names
        .iter()
        .take(INSERT_COLUMNS_MAX)
        .filter_map(|(name, strength, rule)| read_insert(text, name, *strength, *rule, found))
        .max()
    {
        return end.max(line.end);
    }
    let Some(gap) = column_gap(text, &line, first) else { return line.end };
    let cells = split(headings, gap);
    let is_table = cells.iter().filter(|cell| !cell.is_empty()).count() >= 2
        && cells.iter().all(|cell| is_heading(&headings[cell.clone()], gap));
    if !is_table {
        return line.end;
    }
    let columns: Vec<(usize, Strength, usize)> = names
        .iter()
        .filter_map(|(name, strength, rule)| {
            let end = name.end - line.start;
            let column = cells.iter().position(|cell| cell.contains(&(end - 1)) && cell.end == end)?;
            Some((column, *strength, *rule))
        })
        .collect();
    let mut end = line.end;
    for _ in 0..ROWS_MAX {
        if columns.is_empty() || text.as_bytes().get(end) != Some(&b'\n') {
            break;
        }
        let start = end + 1;
        let row_end = row_end(text, start);
        work::read(row_end - start);
        let row = &text[start..row_end];
        let row_cells = split(row, gap);
        if !is_ruler(row) && row_cells.len() != cells.len() {
            break;
        }
        for (column, strength, rule) in &columns {
            if let Some(cell) = row_cells.get(*column)
                && assigned::is_secret_cell(&row[cell.clone()], *strength)
            {
                found.push(Cell { range: start + cell.start..start + cell.end, rule: *rule });
            }
        }
        end = row_end;
    }
    end
}

/// Columns of secrets in one statement.
const INSERT_COLUMNS_MAX: usize = 4;
/// Bytes of the columns of a statement on each side of a name, and of one row of its values.
const COLUMNS_BYTES_MAX: usize = 400;
const VALUES_BYTES_MAX: usize = 1 << 10;

/// Reads the values of a column in `INSERT INTO t (a, password) VALUES (…), (…)`, and returns their end.
fn read_insert(
    text: &str,
    name: &Range<usize>,
    strength: Strength,
    rule: usize,
    found: &mut Vec<Cell>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    let before = &bytes[name.start.saturating_sub(COLUMNS_BYTES_MAX)..name.start];
    let open = before.iter().rposition(|byte| *byte == b'(')?;
    let column = before[open..].iter().filter(|byte| **byte == b',').count();
    let after = &bytes[name.end..bytes.len().min(name.end + COLUMNS_BYTES_MAX)];
    let close = memchr::memchr(b')', after)?;
    let values = after[close + 1..].trim_ascii_start();
    if !values.get(..6)?.eq_ignore_ascii_case(b"values") {
        return None;
    }
    let mut at = name.end + after.len() - values.len() + 6;
    for _ in 0..ROWS_MAX {
        at +=
            bytes[at..].iter().take(HEADING_BYTES_MAX).take_while(|byte| b", \n\r\t".contains(byte)).count();
        if bytes.get(at) != Some(&b'(') {
            break;
        }
        let (range, end) = read_value(bytes, at + 1, column);
        if let Some(range) = range
            && let Some(value) = text.get(range.clone())
            && assigned::is_secret_cell(value, strength)
        {
            found.push(Cell { range, rule });
        }
        at = end;
    }
    Some(at)
}

/// The string that is the value of a column in the row that begins here, and the end of the row.
fn read_value(bytes: &[u8], start: usize, column: usize) -> (Option<Range<usize>>, usize) {
    let limit = bytes.len().min(start + VALUES_BYTES_MAX);
    let (mut at, mut index, mut depth, mut value) = (start, 0, 0, None);
    while at < limit {
        match bytes[at] {
            b'\'' => {
                let string = at + 1;
                at = string;
                while at < limit && (bytes[at] != b'\'' || bytes.get(at + 1) == Some(&b'\'')) {
                    at += if bytes[at] == b'\'' { 2 } else { 1 };
                }
                if index == column && depth == 0 {
                    value = Some(string..at.min(limit));
                }
            }
            b'(' => depth += 1,
            b')' if depth == 0 => return (value, at + 1),
            b')' => depth -= 1,
            b',' if depth == 0 => index += 1,
            _ => {}
        }
        at += 1;
    }
    (value, limit)
}

/// The separator beside a name.
fn column_gap(text: &str, line: &Range<usize>, name: &Range<usize>) -> Option<ColumnGap> {
    let is_quote = |c: char| "\"'*` \r".contains(c);
    let (before, after) = (&text[line.start..name.start], &text[name.end..line.end]);
    let sign = after.trim_start_matches(is_quote).chars().next();
    match sign.or_else(|| before.trim_end_matches(is_quote).chars().next_back()) {
        Some(sign @ ('|' | '│' | '┃' | ',' | ';' | '\t')) => Some(ColumnGap::Sign(sign)),
        _ if after.starts_with("  ") || before.ends_with("  ") => Some(ColumnGap::Blanks),
        _ => None,
    }
}

/// The cells of a line, without blanks and quotes around them.
fn split(line: &str, gap: ColumnGap) -> Vec<Range<usize>> {
    let mut cells = Vec::new();
    let (mut start, mut is_in_quotes, mut blanks) = (0, false, 0);
    let mut push = |start: usize, end: usize| {
        let cell = &line[start..end];
        let is_outside = |c: char| c.is_ascii_whitespace() || "*`\"".contains(c);
        let from = start + cell.len() - cell.trim_start_matches(is_outside).len();
        cells.push(from..from + line[from..end].trim_end_matches(is_outside).len());
    };
    for (at, sign) in line.char_indices() {
        match gap {
            ColumnGap::Sign(separator) => {
                is_in_quotes ^= sign == '"' && matches!(separator, ',' | ';');
                if sign == separator && !is_in_quotes {
                    push(start, at);
                    start = at + sign.len_utf8();
                }
            }
            ColumnGap::Blanks => {
                if sign != ' ' && blanks >= 2 {
                    push(start, at);
                    start = at;
                }
                blanks = if sign == ' ' { blanks + 1 } else { 0 };
            }
        }
    }
    push(start, line.len());
    cells
}

/// True for a few words, as stand over a column.
fn is_heading(cell: &str, gap: ColumnGap) -> bool {
    let words_max = if matches!(gap, ColumnGap::Sign(',')) { 3 } else { 4 };
    cell.len() <= HEADING_BYTES_MAX
        && cell.split(' ').count() <= words_max
        && cell
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80 || b" _-./()#?".contains(&byte))
}

/// True for a line between headings and rows.
fn is_ruler(line: &str) -> bool {
    line.contains(['-', '─', '━', '=']) && line.chars().all(|sign| "-─━═=+|:┼├┤╪ \t│┃╋".contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_their_notation_says() {
        let cells = |line: &str, gap| -> Vec<String> {
            split(line, gap).into_iter().map(|cell| line[cell].to_owned()).collect()
        };
        assert_eq!(cells("| a | `b` |", ColumnGap::Sign('|')), ["", "a", "b", ""]);
        assert_eq!(cells("a,\"b,c\",d", ColumnGap::Sign(',')), ["a", "b,c", "d"]);
        assert_eq!(cells("NAME   A KEY  X", ColumnGap::Blanks), ["NAME", "A KEY", "X"]);
        assert!(is_ruler("|---|:--|") && is_ruler("-----+----") && !is_ruler("| a | - |"));
    }
}
