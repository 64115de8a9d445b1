//! The user's rules for the privacy filter, and their origins. `plan::eligibility` applies them.

use crate::exporter::config::file::ConfigFile;
use crate::exporter::config::setting::{Origin, Setting};
use crate::exporter::error::Error;
use crate::protocol::remote::{Owner, Pattern};

/// The user's rules on which repositories are sent.
#[derive(Debug, Clone, Default)]
pub struct PrivacyRules {
    /// Repositories that are never sent.
    pub force_exclude: Vec<Pattern>,
    /// Repositories that are sent unless excluded.
    pub force_include: Vec<Pattern>,
    /// True if repositories of the user's own accounts are sent, too.
    pub include_personal: bool,
    /// Owners that are organizations, besides those that the receiver names.
    pub organizations: Vec<Owner>,
    /// Owners that are the user's own accounts, besides those that the receiver names.
    pub accounts: Vec<Owner>,
}

/// The origin of each of the [`PrivacyRules`].
#[derive(Debug, Clone)]
pub struct PrivacyOrigins {
    /// Setting `includePersonal`.
    pub include_personal: Origin,
    /// Setting `forceInclude`.
    pub force_include: Origin,
    /// Setting `forceExclude`.
    pub force_exclude: Origin,
    /// Setting `organizations`.
    pub organizations: Origin,
    /// Setting `accounts`.
    pub accounts: Origin,
}

/// Reads the rules from `han.yml`, their only layer.
pub(super) fn load(file: &ConfigFile) -> Result<(PrivacyRules, PrivacyOrigins), Error> {
    let include_personal = file.boolean("includePersonal")?.unwrap_or(Setting::default(false));
    let force_include = file.list("forceInclude", Pattern::parse)?;
    let force_exclude = file.list("forceExclude", Pattern::parse)?;
    let organizations = file.list("organizations", Owner::parse)?;
    let accounts = file.list("accounts", Owner::parse)?;
    let origins = PrivacyOrigins {
        include_personal: include_personal.origin,
        force_include: force_include.origin,
        force_exclude: force_exclude.origin,
        organizations: organizations.origin,
        accounts: accounts.origin,
    };
    let rules = PrivacyRules {
        force_exclude: force_exclude.value,
        force_include: force_include.value,
        include_personal: include_personal.value,
        organizations: organizations.value,
        accounts: accounts.value,
    };
    Ok((rules, origins))
}
