//! The privacy filter as a whole: its table of decisions, and the properties that no input may break.

use han_sync::exporter::config::PrivacyRules;
use han_sync::exporter::plan::eligibility::{Affiliations, Eligibility, check_sync_eligibility};
use han_sync::protocol::remote::{Owner, Pattern, Remote};
use han_sync::protocol::{Identity, IdentityOrganization};
use proptest::collection::vec;
use proptest::prelude::*;

fn rules(force_exclude: &[&str], force_include: &[&str], organizations: &[&str]) -> PrivacyRules {
    let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
    PrivacyRules {
        force_exclude: patterns(force_exclude),
        force_include: patterns(force_include),
        include_personal: false,
        organizations: organizations.iter().map(|text| Owner::parse(text).unwrap()).collect(),
        accounts: Vec::new(),
    }
}

fn identity(accounts: &[&str], owners: &[&str]) -> Identity {
    let organization = IdentityOrganization {
        slug: "acme".into(),
        owners: owners.iter().map(|owner| (*owner).into()).collect(),
        ..Default::default()
    };
    Identity {
        accounts: accounts.iter().map(|account| (*account).into()).collect(),
        organizations: vec![organization],
        ..Default::default()
    }
}

/// The decision in one line: `organization by github.com/acme`.
fn decide(remote: Option<&str>, rules: &PrivacyRules, affiliations: &Affiliations) -> String {
    let (verdict, matched) = match check_sync_eligibility(remote, rules, affiliations) {
        Eligibility::Eligible { inclusion, matched, .. } => (inclusion.as_str(), Some(matched)),
        Eligibility::Excluded { reason, matched, .. } => (reason.code(), matched),
    };
    match matched {
        Some(matched) => format!("{verdict} by {} {}", matched.source.code(), matched.value),
        None => verdict.to_owned(),
    }
}

fn is_eligible(remote: &str, rules: &PrivacyRules, affiliations: &Affiliations) -> bool {
    matches!(check_sync_eligibility(Some(remote), rules, affiliations), Eligibility::Eligible { .. })
}

#[test]
fn the_first_rule_that_matches_decides() {
    let mut rules = rules(&["acme/secret"], &["github.com/friend/*", "acme/secret"], &["github.com/extra"]);
    let known = Affiliations::known(&identity(&["github.com/alice"], &["github.com/Acme/", "gitlab.com"]));
    for (remote, expected) in [
        ("https://github.com/acme/secret", "forced_exclude by force_exclude acme/secret"),
        ("https://github.com/friend/x", "forced_include by force_include github.com/friend/*"),
        ("https://github.com/alice/x", "personal by account github.com/alice"),
        ("git@github.com:acme/api.git", "organization by organization github.com/acme"),
        ("git@github.com:extra/api.git", "organization by configured_organization github.com/extra"),
        ("https://github.com/acme-corp/api", "owner_unknown"),
        ("https://gitlab.com/acme/api", "owner_unknown"),
        ("/home/alice/acme/api", "unparsable_remote"),
        ("", "no_remote"),
    ] {
        assert_eq!(decide(Some(remote), &rules, &known), expected, "{remote}");
    }
    assert_eq!(decide(None, &rules, &known), "no_remote");
    rules.include_personal = true;
    let alice = check_sync_eligibility(Some("https://github.com/alice/x"), &rules, &known);
    assert!(matches!(
        alice,
        Eligibility::Eligible { inclusion: han_sync::protocol::Inclusion::Personal, .. }
    ));
}

#[test]
fn without_identity_only_what_is_configured_passes() {
    let rules = rules(&[], &["friend"], &["github.com/extra"]);
    let identity = identity(&["github.com/alice"], &["github.com/acme"]);
    for (affiliations, other) in [
        (Affiliations::unknown(), "identity_unknown"),
        (Affiliations::expired(&identity), "identity_unknown"),
        (Affiliations::unsupported(), "owner_unknown"),
    ] {
        let decide = |remote| decide(Some(remote), &rules, &affiliations);
        assert_eq!(
            decide("https://github.com/extra/x"),
            "organization by configured_organization github.com/extra"
        );
        assert_eq!(decide("https://github.com/friend/x"), "forced_include by force_include friend");
        assert_eq!(decide("https://github.com/acme/x"), other);
    }
}

#[test]
fn an_own_account_beats_every_organization_and_a_longer_organization_a_shorter_one() {
    let nested = Affiliations::known(&identity(
        &["gitlab.com/acme/alice", "gitlab.com/bob"],
        &["gitlab.com/acme", "gitlab.com/bob/team", "gitlab.com/acme/alice"],
    ));
    for (remote, expected) in [
        ("https://gitlab.com/acme/alice/x", "personal by account gitlab.com/acme/alice"),
        ("https://gitlab.com/acme/x", "organization by organization gitlab.com/acme"),
        ("https://gitlab.com/bob/x", "personal by account gitlab.com/bob"),
        ("https://gitlab.com/bob/team/x", "personal by account gitlab.com/bob"),
        ("https://gitlab.com/acme/core/x", "personal by configured_account gitlab.com/acme/core"),
        ("https://gitlab.com/acme/deep/x", "organization by configured_organization gitlab.com/acme/deep"),
    ] {
        let rules = PrivacyRules {
            accounts: vec![Owner::parse("gitlab.com/acme/core").unwrap()],
            ..rules(&[], &[], &["gitlab.com/acme/deep", "gitlab.com/acme/core/x"])
        };
        assert_eq!(decide(Some(remote), &rules, &nested), expected, "{remote}");
    }
}

/// Few names, some of them prefixes of others, so that random rules meet random remotes often.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "acme",
        "acme-corp",
        "acm",
        "api",
        "api-v2",
        "core",
        "alice",
        "_git",
        "v3",
        "a.b",
    ])
}

fn host() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["github.com", "gitlab.com", "work", "dev.azure.com", "acme.visualstudio.com"])
}

fn path() -> impl Strategy<Value = String> {
    (host(), vec(name(), 2..5)).prop_map(|(host, names)| format!("{host}/{}", names.join("/")))
}

fn owner() -> impl Strategy<Value = String> {
    (host(), vec(name(), 1..4)).prop_map(|(host, names)| format!("{host}/{}", names.join("/")))
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![4 => name().prop_map(str::to_owned), 1 => Just("*".to_owned())];
    let start = prop_oneof![host().prop_map(|host| format!("{host}/")), Just(String::new())];
    let end = prop_oneof![Just(""), Just("/**")];
    (start, vec(segment, 1..4), end)
        .prop_map(|(start, names, end)| format!("{start}{}{end}", names.join("/")))
}

prop_compose! {
    fn any_rules()(
        force_exclude in vec(pattern(), 0..3),
        force_include in vec(pattern(), 0..3),
        include_personal: bool,
        organizations in vec(owner(), 0..3),
        accounts in vec(owner(), 0..2),
    ) -> PrivacyRules {
        // Names with a dot in front make hosts of some of the patterns, which need not be valid then.
        let patterns = |texts: Vec<String>| texts.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        PrivacyRules {
            force_exclude: patterns(force_exclude),
            force_include: patterns(force_include),
            include_personal,
            organizations: organizations.iter().filter_map(|text| Owner::parse(text).ok()).collect(),
            accounts: accounts.iter().filter_map(|text| Owner::parse(text).ok()).collect(),
        }
    }
}

prop_compose! {
    fn any_identity()(accounts in vec(owner(), 0..3), owners in vec(owner(), 0..3)) -> Identity {
        let organization = IdentityOrganization { slug: "acme".into(), owners, ..Default::default() };
        Identity { accounts, organizations: vec![organization], ..Default::default() }
    }
}

fn any_affiliations() -> impl Strategy<Value = Affiliations> {
    (any_identity(), 0..4).prop_map(|(identity, kind)| match kind {
        0 => Affiliations::unknown(),
        1 => Affiliations::unsupported(),
        2 => Affiliations::expired(&identity),
        _ => Affiliations::known(&identity),
    })
}

/// Text that is close to a remote, so that every branch of the parser is reached.
fn remote_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "https",
        "ssh",
        "git",
        "file",
        "://",
        ":",
        "//",
        "/",
        "@",
        "github.com",
        "dev.azure.com",
        "org",
        "_git",
        "v3",
        ".git",
        ".",
        "..",
        "~",
        "%",
        "%2F",
        "%40",
        "%20",
        "%2e",
        "%25",
        "443",
        "?",
        "#",
        "\\",
        "*",
        "**",
        "secret",
        "x.visualstudio.com",
        "ssh.dev.azure.com",
        "DefaultCollection",
        "É",
        "%C3%89",
        "\u{130}",
        " ",
        "-",
        "[::1]",
    ]);
    prop_oneof![vec(token, 0..14).prop_map(|tokens| tokens.concat()), ".*"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_never_panics_and_what_it_gives_is_its_own_normal_form(raw in remote_like()) {
        let _ = (Owner::parse(&raw), Pattern::parse(&raw));
        if let Ok(remote) = Remote::parse(&raw) {
            prop_assert_eq!(Remote::parse(&remote.url()), Ok(remote.clone()));
            let path = remote.path();
            prop_assert!(!path.contains(|c: char| "@:?#\\*".contains(c) || c.is_whitespace() || c.is_control()), "{}", path);
            prop_assert!(remote.segments().count() >= 3 && remote.segments().all(|segment| !segment.is_empty()));
            prop_assert!(!path.ends_with(".git"));
            prop_assert_eq!(path, path.to_lowercase());
        }
    }

    #[test]
    fn credentials_never_survive(
        path in path(),
        user in "[a-z0-9%@:._~!$&'()*+,;=-]{0,12}",
        password in "[ -~]{0,24}",
        scheme in prop::sample::select(vec!["https://", "http://", "ssh://", "git://", ""]),
    ) {
        let (host, rest) = path.split_once('/').unwrap();
        let separator = if scheme.is_empty() { ":" } else { "/" };
        let raw = format!("{scheme}{user}SECRET:{password}SECRET@{host}{separator}{rest}");
        match Remote::parse(&raw) {
            Ok(remote) => {
                prop_assert!(!remote.path().contains("secret"), "{}", remote);
                let debug = format!("{remote:?}").to_lowercase();
                prop_assert!(!debug.contains("secret"));
            }
            Err(error) => {
                let shown = format!("{error} {error:?}");
                prop_assert!(!shown.contains("SECRET"));
            }
        }
        if let Err(error) = Pattern::parse(&raw) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("SECRET"));
        }
    }

    #[test]
    fn equivalent_remotes_normalize_to_one_form(path in path(), port in 1u16.., upper: bool) {
        let Ok(expected) = Remote::parse(&format!("https://{path}")) else { return Ok(()) };
        let path = if upper { path.to_uppercase() } else { path };
        let (host, rest) = path.split_once('/').unwrap();
        for raw in [
            format!("http://{path}.git"),
            format!("https://user:p%40ss@{host}:{port}/{rest}/"),
            format!("ssh://git@{host}:{port}//{rest}.git/"),
            format!("git+ssh://git@{host}/{rest}"),
            format!("git@{host}:{rest}.git"),
            format!("org-123@{host}:/{rest}"),
            format!("{host}:{rest}"),
            format!("https://{host}/{}?x=1#y", rest.replace('/', "//")),
        ] {
            prop_assert_eq!(Remote::parse(&raw), Ok(expected.clone()), "{}", raw);
        }
    }

    #[test]
    fn a_pattern_never_matches_across_a_segment_boundary(pattern in pattern(), path in path(), glue in "[a-z0-9_.-]{1,3}") {
        let (Ok(remote), Ok(pattern)) = (Remote::parse(&format!("https://{path}")), Pattern::parse(&pattern)) else {
            return Ok(());
        };
        // What a pattern without wildcards matches holds the pattern's names as whole segments, in order.
        if pattern.matches(&remote) && !pattern.to_string().contains(['*', '_']) && !path.contains('_') {
            let text = format!("/{pattern}/").replace("acme.visualstudio.com", "dev.azure.com/acme");
            prop_assert!(format!("/{remote}/").contains(&text), "{} {}", pattern, remote);
        }
        // Where every segment of the remote is another name that begins or ends with the old one, nothing matches.
        if !pattern.to_string().contains('*') {
            for segments in [
                remote.segments().map(|name| format!("{name}{glue}x")).collect::<Vec<_>>(),
                remote.segments().map(|name| format!("x{glue}{name}")).collect(),
            ] {
                if let Ok(glued) = Remote::parse(&format!("https://{}", segments.join("/"))) {
                    prop_assert!(!pattern.matches(&glued), "{} {}", pattern, glued);
                }
            }
        }
    }

    #[test]
    fn excluding_beats_including(path in path(), rules in any_rules(), affiliations in any_affiliations()) {
        let raw = format!("https://{path}");
        let Ok(remote) = Remote::parse(&raw) else { return Ok(()) };
        let mut rules = rules;
        rules.force_exclude.push(Pattern::parse(&raw).unwrap());
        rules.force_include.insert(0, Pattern::parse(&raw).unwrap());
        prop_assert!(!is_eligible(&raw, &rules, &affiliations), "{}", remote);
    }

    #[test]
    fn adding_an_exclusion_never_makes_more_eligible(
        path in path(), rules in any_rules(), affiliations in any_affiliations(), more in pattern(), at: prop::sample::Index,
    ) {
        let raw = format!("https://{path}");
        let Ok(more) = Pattern::parse(&more) else { return Ok(()) };
        let before = is_eligible(&raw, &rules, &affiliations);
        let mut rules = rules;
        rules.force_exclude.insert(at.index(rules.force_exclude.len() + 1), more);
        prop_assert!(before || !is_eligible(&raw, &rules, &affiliations));
    }

    #[test]
    fn an_unknown_owner_is_never_eligible(path in path(), rules in any_rules(), identity in any_identity()) {
        let raw = format!("https://{path}");
        let Ok(remote) = Remote::parse(&raw) else { return Ok(()) };
        let named = identity.accounts.iter().chain(&identity.organizations[0].owners);
        let named = named.filter_map(|owner| Owner::parse(owner).ok());
        let is_owned = named
            .chain(rules.organizations.clone())
            .chain(rules.accounts.clone())
            .any(|owner| owner.owns(&remote));
        let is_forced = rules.force_include.iter().any(|pattern| pattern.matches(&remote));
        let eligible = is_eligible(&raw, &rules, &Affiliations::known(&identity));
        prop_assert!(is_owned || is_forced || !eligible);
    }

    #[test]
    fn losing_the_identity_never_makes_more_eligible(path in path(), rules in any_rules(), identity in any_identity()) {
        let raw = format!("https://{path}");
        let known = is_eligible(&raw, &rules, &Affiliations::known(&identity));
        prop_assert!(known || !is_eligible(&raw, &rules, &Affiliations::expired(&identity)));
    }

    #[test]
    fn no_organization_opens_what_an_own_account_closes(
        path in path(), rules in any_rules(), identity in any_identity(), configured: bool,
    ) {
        let raw = format!("https://{path}");
        let Ok(remote) = Remote::parse(&raw) else { return Ok(()) };
        let account = remote.segments().take(2).collect::<Vec<_>>().join("/");
        let (mut rules, mut identity) = (rules, identity);
        rules.include_personal = false;
        rules.force_include.clear();
        if configured {
            rules.accounts.push(Owner::parse(&account).unwrap());
        } else {
            identity.accounts.push(account);
        }
        identity.organizations[0].owners.push(remote.path().to_owned());
        prop_assert!(!is_eligible(&raw, &rules, &Affiliations::known(&identity)));
    }

    #[test]
    fn adding_a_longer_own_account_closes(path in path(), rules in any_rules(), identity in any_identity()) {
        let raw = format!("https://{path}");
        let Ok(remote) = Remote::parse(&raw) else { return Ok(()) };
        let (mut rules, mut identity) = (rules, identity);
        rules.include_personal = false;
        rules.force_include.clear();
        identity.accounts.push(remote.path().to_owned());
        prop_assert!(!is_eligible(&raw, &rules, &Affiliations::known(&identity)));
    }

    #[test]
    fn what_cannot_be_read_is_never_eligible(raw in remote_like(), affiliations in any_affiliations()) {
        let everything = rules(&[], &["*"], &[]);
        prop_assert_eq!(is_eligible(&raw, &everything, &affiliations), Remote::parse(&raw).is_ok());
    }
}
