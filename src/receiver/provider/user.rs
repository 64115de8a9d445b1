//! The provider's word on a person: account, names and groups.

use super::error::ProviderError;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A person whom the provider has vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderUser {
    /// Issuer of the provider.
    pub issuer: String,
    /// Id of the account at the provider, which never changes.
    pub subject: String,
    /// Logins that the person may have here: the verified e-mail address, then the name.
    pub logins: Vec<String>,
    /// Groups of the person.
    pub groups: BTreeSet<String>,
}

impl ProviderUser {
    /// Reads the claims of an account.
    pub fn of_claims(
        issuer: &str,
        subject: &str,
        claims: &Map<String, Value>,
        groups_claim: &str,
    ) -> Result<ProviderUser, ProviderError> {
        if !is_storable(subject) {
            return Err(ProviderError::Unverified("the subject is no text that can be stored".to_owned()));
        }
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        Ok(ProviderUser { issuer, subject, logins: logins(claims), groups: groups(claims, groups_claim)? })
    }
}

/// True for a text that names somebody, and that every store can hold.
fn is_storable(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

/// Adds the claims of the userinfo endpoint to those of the ID token, which count first. An address and its verification are
/// of one source: of the token where it verifies the address, else of the endpoint where that has one.
pub fn add_claims(claims: &mut Map<String, Value>, mut more: Map<String, Value>) {
    let is_settled = claims.contains_key("email") && is_verified(claims);
    if more.contains_key("email") && !is_settled {
        claims.remove("email");
        claims.remove("email_verified");
    } else {
        more.remove("email");
        more.remove("email_verified");
    }
    for (name, value) in more {
        claims.entry(name).or_insert(value);
    }
}

/// True if the provider says that the e-mail address is the person's.
fn is_verified(claims: &Map<String, Value>) -> bool {
    match claims.get("email_verified") {
        Some(Value::Bool(is_verified)) => *is_verified,
        // As some providers write it.
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// The logins that claims give, the verified e-mail address first.
pub fn logins(claims: &Map<String, Value>) -> Vec<String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| is_storable(text));
    let is_verified = is_verified(claims);
    let email = text("email").filter(|_| is_verified);
    // An address that the provider says is not verified is no name either. A provider that says nothing of it has names of its
    // own, which may be addresses.
    let is_denied = !is_verified && claims.get("email_verified").is_some_and(|value| !value.is_null());
    let is_address =
        |name: &&str| text("email").is_some_and(|email| is_denied && email.eq_ignore_ascii_case(name));
    let name = text("preferred_username").filter(|name| !is_address(name));
    let mut logins = Vec::new();
    for login in [email.map(str::to_owned), email.map(str::to_lowercase), name.map(str::to_owned)] {
        logins.extend(login.filter(|login| !logins.contains(login)));
    }
    logins
}

/// The groups. A claim that is absent says that there are none, unless the provider says that there are too many.
fn groups(claims: &Map<String, Value>, name: &str) -> Result<BTreeSet<String>, ProviderError> {
    let text = |value: &Value| value.as_str().filter(|text| is_storable(text)).map(str::to_owned);
    match claims.get(name) {
        Some(Value::Array(groups)) => Ok(groups.iter().filter_map(text).collect()),
        Some(Value::String(group)) => Ok(BTreeSet::from([group.clone()])),
        None if claims.get("_claim_names").and_then(|names| names.get(name)).is_some()
            || claims.get("hasgroups") == Some(&Value::Bool(true)) =>
        {
            Err(ProviderError::TooManyGroups)
        }
        Some(Value::Null) | None => Ok(BTreeSet::new()),
        Some(_) => Err(ProviderError::Unverified(format!("the claim {name} is no list of texts"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(claims: Value) -> Result<ProviderUser, ProviderError> {
        ProviderUser::of_claims("https://id", "1", claims.as_object().unwrap(), "groups")
    }

    #[test]
    fn only_a_verified_address_is_a_login_and_comes_before_the_name() {
        let logins = |claims: Value| user(claims).unwrap().logins;
        for verified in [json!(true), json!("true")] {
            let claims = json!({"email": "Al@x.org", "email_verified": verified, "preferred_username": "al"});
            assert_eq!(logins(claims), ["Al@x.org", "al@x.org", "al"]);
        }
        for verified in [json!(false), json!("false"), json!(null), json!(1)] {
            let claims = json!({"email": "al@x.org", "email_verified": verified, "preferred_username": "al"});
            assert_eq!(logins(claims), ["al"]);
        }
        assert!(logins(json!({"email": "al@x.org", "preferred_username": ""})).is_empty());
        assert!(logins(json!({"preferred_username": "al\u{0}"})).is_empty());
    }

    #[test]
    fn an_address_that_is_not_verified_is_no_name_either() {
        let logins = |claims: Value| user(claims).unwrap().logins;
        for verified in [json!(false), json!("false")] {
            for name in ["al@x.org", "AL@X.org"] {
                let claims =
                    json!({"email": "Al@x.org", "email_verified": verified, "preferred_username": name});
                assert!(logins(claims).is_empty(), "{name}");
            }
        }
        let silent = json!({"email": "al@x.org", "preferred_username": "al@x.org"});
        assert_eq!(logins(silent), ["al@x.org"]);
    }

    #[test]
    fn an_address_and_its_verification_are_of_one_source() {
        let merged = |token: Value, more: Value| {
            let mut claims = token.as_object().unwrap().clone();
            add_claims(&mut claims, more.as_object().unwrap().clone());
            logins(&claims)
        };
        let verified = json!({"email": "a@x.org", "email_verified": true});
        let address = json!({"email": "b@x.org"});
        assert_eq!(merged(address.clone(), verified.clone()), ["a@x.org"]);
        assert_eq!(merged(verified.clone(), address.clone()), ["a@x.org"]);
        assert!(merged(address, json!({"email_verified": true})).is_empty());
        assert!(merged(json!({"email_verified": true}), json!({"groups": []})).is_empty());
        assert_eq!(merged(json!({"preferred_username": "a"}), json!({"preferred_username": "b"})), ["a"]);
    }

    #[test]
    fn absent_groups_are_none_unless_there_are_too_many() {
        let groups = |claims: Value| user(claims).map(|user| user.groups.into_iter().collect::<Vec<_>>());
        assert_eq!(
            groups(json!({"groups": ["b", "a", 1, null, "", "c\u{0}"]})),
            Ok(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(groups(json!({"groups": "a"})), Ok(vec!["a".to_owned()]));
        assert_eq!(groups(json!({})), Ok(vec![]));
        assert_eq!(groups(json!({"groups": null})), Ok(vec![]));
        for claims in [json!({"_claim_names": {"groups": "src1"}}), json!({"hasgroups": true})] {
            assert_eq!(groups(claims), Err(ProviderError::TooManyGroups));
        }
        assert!(matches!(groups(json!({"groups": {"a": 1}})), Err(ProviderError::Unverified(_))));
    }
}
