//! Keys that tell themselves by their form, mostly a prefix of the provider.

/// Model providers and tools for agents.
mod ai;
/// Code hosts, build services, registries and tools for developers.
mod development;
/// Clouds, databases, monitoring and keys of cryptography.
mod clouds;
/// Payment, mail, marketing and other services of businesses.
mod business;
/// Keys of any provider.
mod general;

use crate::exporter::batch::redact::rule::Rule;

/// The rules of all forms.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    ai::RULES
        .iter()
        .chain(development::RULES)
        .chain(clouds::RULES)
        .chain(business::RULES)
        .chain(general::RULES)
}
