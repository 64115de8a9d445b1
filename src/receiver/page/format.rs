//! Numbers, money and times as text.

/// An integer with its thousands grouped.
pub fn integer(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of a few characters, such as `1.2M`.
pub fn compact(number: i64) -> String {
    let size = number.unsigned_abs();
    for (unit, name) in [(1_000_000_000_000_u64, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
        if size >= unit {
            let tenths = size / (unit / 10);
            let (whole, tenth) = (tenths / 10, tenths % 10);
            return if whole >= 100 || tenth == 0 {
                format!("{whole}{name}")
            } else {
                format!("{whole}.{tenth}{name}")
            };
        }
    }
    size.to_string()
}

/// US dollars of micro-dollars, to the cent.
pub fn dollars(micros: i64) -> String {
    let cents = micros.saturating_add(5_000) / 10_000;
    if cents == 0 && micros > 0 {
        return "< $0.01".to_owned();
    }
    format!("${}.{:02}", integer(cents / 100), cents % 100)
}

/// US dollars of micro-dollars, exactly.
pub fn exact_dollars(micros: i64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// A time in RFC 3339 for people, to the minute, in UTC.
pub fn minute(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..16), rfc3339.ends_with('Z')) {
        (Some(date), Some(time), true) => format!("{date} {time}"),
        _ => rfc3339.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shortened() {
        let grouped = [0, 999, 1_000, 1_234_567, -1_000, i64::MIN].map(integer);
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567", "-1,000", "-9,223,372,036,854,775,808"]);
        let short = [0, 999, 1_000, 1_250, 99_900, 123_456, 5_000_000, 2_500_000_000, i64::MAX].map(compact);
        assert_eq!(short, ["0", "999", "1k", "1.2k", "99.9k", "123k", "5M", "2.5G", "9223372T"]);
    }

    #[test]
    fn money_is_shown_to_the_cent_and_written_exactly() {
        let shown = [0, 1, 4_999, 5_000, 1_234_567_890_000, i64::MAX].map(dollars);
        assert_eq!(shown, ["$0.00", "< $0.01", "< $0.01", "$0.01", "$1,234,567.89", "$9,223,372,036,854.77"]);
        assert_eq!([1, 1_500_000].map(exact_dollars), ["0.000001", "1.500000"]);
    }

    #[test]
    fn times_are_shown_to_the_minute() {
        assert_eq!(minute("2025-03-01T12:34:56.000Z"), "2025-03-01 12:34");
        assert_eq!(minute("2025-03-01T12:34:56+02:00"), "2025-03-01T12:34:56+02:00");
        assert_eq!(minute("é"), "é");
    }
}
