//! The table of redaction rules, the most certain first: where two rules find the same secret, the earlier one names it.

/// Values assigned to names such as `password`.
mod names;
/// Model providers, code hosts and clouds.
mod platforms;
/// Chat, mail, payment and other services.
mod services;
/// Forms that are known by a prefix.
mod forms;
/// Formats that standards define.
mod standards;
/// Arguments of commands.
mod commands;
/// SQL, sentences, calls and headers.
mod statements;

use crate::exporter::batch::redact::rule::Rule;

/// All rules, the most certain first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    platforms::RULES
        .iter()
        .chain(services::RULES)
        .chain(forms::rules())
        .chain(standards::RULES)
        .chain(commands::RULES)
        .chain(statements::RULES)
        .chain(names::RULES)
}
