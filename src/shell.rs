//! Words of commands that a shell reads: those that errors and lists tell a person to run, and those of a schedule.

/// A word as a shell reads it back: ids and paths may hold any character.
pub fn shell_quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@+:=,".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for argument in
            ["plain-1", "--flag=value", "", "a b", "~/x", "x;rm -rf ~", "it's", "$(id)", "`id`", "\\", "é\n"]
        {
            let script = format!("printf %s {}", shell_quoted(argument));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), argument);
        }
        assert_eq!(shell_quoted("plain-1"), "plain-1");
    }
}
