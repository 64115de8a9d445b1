//! The name of a language model, without the parts that name a customer's account at the model's provider.

use std::borrow::Cow;

/// Segments of a resource name whose next segment names an account.
const ACCOUNT_SEGMENTS: [&str; 4] = ["projects", "accounts", "subscriptions", "resourcegroups"];
/// Accounts that are a provider's own.
const PUBLIC_ACCOUNTS: [&str; 1] = ["fireworks"];
/// Digits of an account id of AWS.
const ACCOUNT_DIGITS: usize = 12;

/// Takes the account parts out of a model's name: the account of an ARN, the project of a Google resource, the account or
/// subscription of others, and everything before the last segment of a URL.
pub fn without_account(name: &str) -> Cow<'_, str> {
    if let Some((_, rest)) = name.split_once("://") {
        // A host is a customer's, too; a query may hold a key.
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        return Cow::Borrowed(path.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    }
    let mut parts: Vec<Cow<str>> = name.split(':').map(Cow::Borrowed).collect();
    if let Some(arn) = parts.iter().position(|part| is_arn(part)) {
        // arn:partition:service:region:account:resource
        if let Some(account) = parts.get_mut(arn + 4) {
            *account = Cow::Borrowed("");
        }
    }
    for part in &mut parts {
        if let Some(replaced) = without_account_segments(part) {
            *part = Cow::Owned(replaced);
        }
    }
    Cow::Owned(parts.join(":"))
}

/// True for the beginning of an ARN, also behind the prefix of a gateway, as in `bedrock/arn`.
fn is_arn(part: &str) -> bool {
    part.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case("arn"))
}

/// Replaces account segments by hyphens, as Google writes "any project"; `None` if there are none.
fn without_account_segments(part: &str) -> Option<String> {
    let mut segments: Vec<&str> = part.split('/').collect();
    let mut is_changed = false;
    for index in 0..segments.len() {
        let follows = index > 0
            && ACCOUNT_SEGMENTS.iter().any(|known| known.eq_ignore_ascii_case(segments[index - 1]))
            && !PUBLIC_ACCOUNTS.contains(&segments[index]);
        let is_id = segments[index].len() == ACCOUNT_DIGITS
            && segments[index].bytes().all(|byte| byte.is_ascii_digit());
        if follows || is_id {
            segments[index] = "-";
            is_changed = true;
        }
    }
    is_changed.then(|| segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_parts_are_taken_out() {
        for (name, expected) in [
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-1-20250805-v1:0",
                "arn:aws:bedrock:us-east-1::inference-profile/us.anthropic.claude-opus-4-1-20250805-v1:0",
            ),
            (
                "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/a1b2",
                "arn:aws-us-gov:bedrock:us-gov-west-1::application-inference-profile/a1b2",
            ),
            (
                "bedrock/arn:aws:sagemaker:eu-west-1:123456789012:endpoint/x",
                "bedrock/arn:aws:sagemaker:eu-west-1::endpoint/x",
            ),
            ("arn:aws:bedrock:us-east-1:acme-alias", "arn:aws:bedrock:us-east-1:"),
            (
                "projects/acme-prod-42/locations/us-east5/publishers/anthropic/models/claude-sonnet-4@20250514",
                "projects/-/locations/us-east5/publishers/anthropic/models/claude-sonnet-4@20250514",
            ),
            ("accounts/acme/models/x", "accounts/-/models/x"),
            (
                "/subscriptions/0a1b/resourceGroups/rg/providers/p",
                "/subscriptions/-/resourceGroups/-/providers/p",
            ),
            ("https://acme.openai.azure.com/openai/deployments/gpt-4o?key=x", "gpt-4o"),
            ("bedrock/123456789012/x", "bedrock/-/x"),
        ] {
            assert_eq!(without_account(name), expected);
        }
    }

    #[test]
    fn other_names_are_kept() {
        for name in [
            "claude-opus-4-1-20250805",
            "us.anthropic.claude-opus-4-1-20250805-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1",
            "accounts/fireworks/models/llama-v3",
            "openrouter/anthropic/claude-sonnet-4",
            "",
        ] {
            assert_eq!(without_account(name), name);
        }
    }
}
