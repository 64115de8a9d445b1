//! Keys that tell themselves by their form, mostly a prefix of the provider.

/// Model providers and tools for agents.
mod ai;
/// More of them.
mod agents;
/// Code hosts, build services, registries and tools for developers.
mod development;
/// Clouds, databases, monitoring and keys of cryptography.
mod clouds;
/// Data, monitoring, networks, and programs that people host themselves.
mod operations;
/// Tokens and keys of cryptography, identity and security.
mod cryptography;
/// URLs that are a secret by themselves.
mod links;
/// Payment, mail, marketing and other services of businesses.
mod business;
/// More of them.
mod commerce;
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
        .chain(agents::RULES)
        .chain(operations::RULES)
        .chain(cryptography::RULES)
        .chain(links::RULES)
        .chain(commerce::RULES)
        .chain(general::RULES)
}
