//! Data, monitoring, networks, and programs that people host themselves.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("upstash_token", &["eyJVc2VySUQi"], "eyJVc2VySUQi[A-Za-z0-9+/]{40,}={0,2}")
        .source("Upstash: QStash", "https://upstash.com/docs/qstash/overall/getstarted")
        .examples("«eyJVc2VySUQiOi%{b62:120}==»", "the prefix eyJVc2VySUQi"),
    token("upstash_key", &["sig_"], "sig_[A-Za-z0-9]{28}")
        .check(Check::Random)
        .source("Upstash: signing keys", "https://upstash.com/docs/qstash/howto/signature")
        .examples("«sig_%{b62:28}»", "the prefix sig_"),
    token("dash0_token", &["auth_"], "auth_[A-Za-z0-9]{32}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("Dash0: auth tokens", "https://www.dash0.com/documentation/dash0/key-concepts/auth-tokens")
        .examples("«auth_%{b62:32}»", "the prefix auth_"),
    token("gcore_token", &["$"], r"[0-9]{1,7}\$[0-9a-f]{100,}")
        .prefix(Prefix::Digits { min: 1, max: 7 })
        .token_chars(100)
        .source("Gcore: permanent API tokens", "https://gcore.com/docs/account-settings/create-use-or-delete-a-permanent-api-token")
        .examples("«%{digit:5}$%{hex:128}»", "costs 5$ each"),
    token("ncloud_key", &["ncp_iam_"], "ncp_iam_[A-Za-z0-9]{20,}")
        .source("NAVER Cloud: authentication keys", "https://api.ncloud-docs.com/docs/en/common-ncpapi")
        .examples("«ncp_iam_BPA%{b62:30}»", "the prefix ncp_iam_"),
    token("imply_key", &["pok_"], "pok_[A-Za-z0-9]{40,}")
        .source("Imply Polaris: API keys", "https://docs.imply.io/polaris/api-keys/")
        .examples("«pok_%{b62:60}»", "the prefix pok_"),
    token("dagster_token", &["agent:"], "agent:[a-z0-9_-]{2,40}:(?P<secret>[0-9a-f]{32})")
        .boundary(Boundary::NoName)
        .token_chars(2)
        .source("Dagster+: agent tokens", "https://docs.dagster.io/deployment/dagster-plus/management/tokens/agent-tokens")
        .examples("agent:acme:«%{hex:32}»", "agent:group:other"),
    token("things_stack_key", &["NNSXS."], r"NNSXS\.[A-Z2-7]{30,60}\.[A-Z2-7]{40,60}")
        .source("The Things Stack: API keys", "https://www.thethingsindustries.com/docs/concepts/features/")
        .examples("«NNSXS.%{b32:39}.%{b32:52}»", "the prefix NNSXS."),
    token("twitter_token", &["0-", "1-", "2-", "3-", "4-", "5-", "6-", "7-", "8-", "9-"], "(?:[0-9]{3,6}-)?[0-9]{5,20}-[A-Za-z0-9]{40}")
        .prefix(Prefix::Digits { min: 4, max: 19 })
        .token_chars(40)
        .check(Check::Unworded)
        .source("X: OAuth 1.0a", "https://docs.x.com/resources/fundamentals/authentication/oauth-1-0a/api-key-and-secret")
        .examples("«%{digit:18}-%{b62:40}»", "2024-01-15"),
    // Of Mailgun, OANDA and Infobip.
    token("api_key", &["0-", "1-", "2-", "3-", "4-", "5-", "6-", "7-", "8-", "9-", "a-", "b-", "c-", "d-", "e-", "f-"], "[0-9a-f]{32}-(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{8})|[0-9a-f]{32})")
        .prefix(Prefix::Bytes(31))
        .boundary(Boundary::NoPath)
        .token_chars(17)
        .source("Mailgun: API keys", "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/rbac-mgmt")
        .examples("«%{hex:32}-%{hex:8}-%{hex:8}»", "one-time and one-way"),
    token("gelato_key", &["0-", "1-", "2-", "3-", "4-", "5-", "6-", "7-", "8-", "9-", "a-", "b-", "c-", "d-", "e-", "f-"], "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?::[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?")
        .prefix(Prefix::Bytes(35))
        .boundary(Boundary::NoName)
        .token_chars(36)
        .source("Gelato: API keys", "https://dashboard.gelato.com/docs/get-started/")
        .examples("«%{uuid}-%{uuid}:%{uuid}»", "one-time and one-way"),
    token("ngrok_token", &["_1", "_2", "_3", "_4", "_5", "_6", "_7", "_8"], "[A-Za-z0-9]{19,27}_[1-8][A-Za-z0-9]{19,21}")
        .prefix(Prefix::Name { max: 27 })
        .boundary(Boundary::NoName)
        .token_chars(19)
        .check(Check::Unworded)
        .source("ngrok: authtokens", "https://ngrok.com/docs/agent/#authtokens")
        .examples("«2%{b62:26}_5%{b62:20}»", "utf_8 and sha_2"),
    token("ghost_key", &["0:", "1:", "2:", "3:", "4:", "5:", "6:", "7:", "8:", "9:", "a:", "b:", "c:", "d:", "e:", "f:"], "[0-9a-f]{24}:[0-9a-f]{64}")
        .prefix(Prefix::Bytes(23))
        .boundary(Boundary::NoName)
        .token_chars(64)
        .source("Ghost: Admin API", "https://docs.ghost.org/admin-api")
        .examples("«%{hex:24}:%{hex:64}»", "a: b"),
    token("harvest_token", &[".pt.", ".at."], r"[0-9]{5,9}\.[pa]t\.[A-Za-z0-9_-]{40,}")
        .prefix(Prefix::Digits { min: 5, max: 9 })
        .source("Harvest: authentication", "https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/")
        .examples("«%{digit:7}.pt.%{b62:86}»", "a.pt.b"),
    token("conda_token", &["an-", "co-"], "(?:an|co)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Anaconda.org: tokens", "https://www.anaconda.com/docs/tools/anaconda-org/user-guide/tasks/work-with-accounts")
        .examples("https://conda.anaconda.org/t/«an-%{uuid}»/acme", "the prefix an-"),
    token("nexus_token", &["NpmToken.", "DockerToken.", "NuGetApiKey."], r"(?:NpmToken|DockerToken|NuGetApiKey)\.(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .source("Sonatype Nexus: security realms", "https://help.sonatype.com/en/realms.html")
        .examples("login NpmToken.«%{uuid}»", "the prefix NpmToken."),
    token("github_token", &["v1."], r"v1\.[0-9a-f]{40}")
        .boundary(Boundary::NoPath)
        .source("GitHub: installation access tokens", "https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app")
        .examples("«v1.%{hex:40}»", "the prefix v1."),
    token("doppler_token", &["dp.said."], r"dp\.said\.[A-Za-z0-9]{30,}")
        .source("Doppler: auth token formats", "https://docs.doppler.com/reference/auth-token-formats")
        .examples("«dp.said.%{b62:40}»", "the prefix dp.said."),
    token("hoppscotch_token", &["pat-"], "pat-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Hoppscotch: personal access tokens", "https://docs.hoppscotch.io/documentation/clients/cli/overview")
        .examples("«pat-%{uuid}»", "the prefix pat-"),
    token("argos_token", &["argos_"], "argos_[0-9a-f]{30,}")
        .source("Argos: tokens", "https://argos-ci.com/docs/")
        .examples("«argos_%{hex:40}»", "the prefix argos_"),
    token("teable_token", &["teable_"], "teable_[A-Za-z0-9]{16,24}_[A-Za-z0-9+/]{30,}={0,2}")
        .source("Teable: access tokens", "https://help.teable.io/en/api-doc/token")
        .examples("«teable_acc%{b62:16}_%{b62:44}=»", "the prefix teable_"),
    token("outline_key", &["ol_api_"], "ol_api_[A-Za-z0-9]{36,}")
        .source("Outline: API", "https://www.getoutline.com/developers")
        .examples("«ol_api_%{b62:38}»", "the prefix ol_api_"),
    token("karakeep_key", &["ak1_", "ak2_"], "ak[12]_[0-9a-f]{20}_[0-9a-f]{20,}")
        .source("Karakeep: API keys", "https://docs.karakeep.app/")
        .examples("«ak1_%{hex:20}_%{hex:20}»", "the prefix ak1_"),
    token("uptime_kuma_key", &["uk1_", "uk2_", "uk3_", "uk4_", "uk5_", "uk6_", "uk7_", "uk8_", "uk9_"], "uk[0-9]_[A-Za-z0-9_-]{36,}")
        .check(Check::Random)
        .source("Uptime Kuma: API keys", "https://github.com/louislam/uptime-kuma/wiki/API-Keys")
        .examples("«uk1_%{b62:40}»", "the prefix uk1_"),
    token("formbricks_key", &["fbk_"], "fbk_[A-Za-z0-9_-]{36,}")
        .source("Formbricks: API keys", "https://formbricks.com/docs/api-reference/rest-api")
        .examples("«fbk_%{b62:43}»", "the prefix fbk_"),
    token("convoy_key", &["CO."], r"CO\.[A-Za-z0-9]{16}\.[A-Za-z0-9+/=]{60,}")
        .source("Convoy: API keys", "https://getconvoy.io/docs")
        .examples("«CO.%{b62:16}.%{b62:64}»", "the prefix CO."),
    token("namespace_token", &["nsct_", "nscw_"], "nsc[tw]_[A-Za-z0-9._-]{40,}")
        .source("Namespace: authentication", "https://namespace.so/docs")
        .examples("«nsct_%{b62:60}»", "the prefix nsct_"),
    token("stellate_token", &["stl8_"], "stl8_[A-Za-z0-9_-]{30,}")
        .source("Stellate: tokens", "https://stellate.co/docs")
        .examples("«stl8_%{b62:60}»", "the prefix stl8_"),
    token("simple_analytics_key", &["sa_api_key_"], "sa_api_key_[A-Za-z0-9]{30,}")
        .source("Simple Analytics: API", "https://docs.simpleanalytics.com/api")
        .examples("«sa_api_key_%{b62:36}»", "the prefix sa_api_key_"),
    token("vantage_token", &["vntg_tkn_", "vntg_srv_"], "vntg_(?:tkn|srv)_[0-9a-f]{20,}")
        .source("Vantage: API tokens", "https://docs.vantage.sh/api_authentication")
        .examples("«vntg_tkn_%{hex:40}»", "the prefix vntg_tkn_"),
];
