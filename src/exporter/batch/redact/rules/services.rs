//! Chat, mail, payment, monitoring, package registries and other services.

use crate::exporter::batch::redact::rule::{
    Boundary, Documentation, Prefix, Rule, assign, slash, source, token,
};

const SLACK: Documentation = source("Slack: token types", "https://docs.slack.dev/authentication/tokens");
const TELEGRAM: Documentation = source(
    "Telegram Bot API: authorizing your bot",
    "https://core.telegram.org/bots/api#authorizing-your-bot",
);
const DATADOG: Documentation = source(
    "Datadog: API and application keys",
    "https://docs.datadoghq.com/account_management/api-app-keys/",
);

const DATADOG_FORMS: &str = "dd(?:(?:app|api|pat)_[A-Za-z0-9]{30,}|(?:sat|ca)_[A-Za-z0-9_]{30,})";

const ATLASSIAN: Documentation = source(
    "Atlassian: manage API tokens",
    "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/",
);

pub(super) static RULES: &[Rule] = &[
    token(
        "slack_token",
        &[
            "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxc-", "xoxo-", "xoxe-", "xoxe.xox", "xapp-",
            "xwfp-",
        ],
        r"(?:xox[a-z]-|xoxe\.xox[bp]-|xapp-|xwfp-)[A-Za-z0-9-]{16,}",
    )
    .documented(SLACK)
    .examples("SLACK_BOT_TOKEN=«xoxb-%{digit:12}-%{digit:13}-%{b62:24}»", "bot tokens begin with xoxb-"),
    token("slack_token", &["xoxd-"], r"xoxd-[A-Za-z0-9%+/=_-]{20,}")
        .documented(SLACK)
        .examples("Cookie: d=«xoxd-%{b62:40}%2F%{b62:40}%3D»", "xoxd-cookie"),
    token(
        "slack_webhook",
        &["hooks.slack.com"],
        concat!(
            r"hooks\.slack\.com",
            slash!(),
            "(?:services|workflows|triggers)",
            slash!(),
            r"(?P<secret>(?:[A-Za-z0-9+_-]|\\*/){20,})"
        ),
    )
    .source(
        "Slack: incoming webhooks",
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
    )
    .examples(
        "curl https://hooks.slack.com/services/«T%{B36:10}/B%{B36:10}/%{b62:24}»",
        "https://hooks.slack.com/services/",
    ),
    token(
        "stripe_key",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_"],
        r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    )
    .source("Stripe: API keys", "https://docs.stripe.com/keys")
    .examples("stripe.api_key = \"«sk_live_%{b62:99}»\"", "pk_test_TYooMQauvdEDq54NiTphI7jx"),
    token("stripe_key", &["whsec_"], r"whsec_[A-Za-z0-9+/]{24,}={0,2}")
        .source("Stripe: webhook signatures", "https://docs.stripe.com/webhooks/signature")
        .examples("STRIPE_WEBHOOK_SECRET=«whsec_%{b62:32}»", "whsec_..."),
    token("twilio_key", &["SK", "AC"], r"(?:SK|AC)[0-9a-f]{32}")
        .source("Twilio: API keys", "https://www.twilio.com/docs/iam/api-keys")
        .examples("twilio login «SK%{hex:32}»", "MASK AC/DC SKU 12"),
    token(
        "sendgrid_key",
        &["SG."],
        r"SG\.(?:[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|[A-Za-z0-9_=.-]{66})",
    )
    .source("SendGrid: API keys", "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys")
    .examples("SENDGRID_API_KEY='«SG.%{b64url:22}.%{b64url:43}»'", "SG.setProps(a.b.c)"),
    token("npm_token", &["npm_"], r"npm_[A-Za-z0-9]{36}")
        .source("npm: access tokens", "https://docs.npmjs.com/about-access-tokens")
        .examples("//npm.example.net/:_authToken=«npm_%{b62:36}»", "npm_config_registry npm_lifecycle_event"),
    token("pypi_token", &["pypi-AgE"], r"pypi-AgE[A-Za-z0-9_-]{50,}")
        .source("PyPI: API tokens", "https://pypi.org/help/#apitoken")
        .examples("password = «pypi-AgEIcHlwaS5vcmc%{b64url:150}»", "pypi-AgE"),
    token("crates_io_token", &["cio"], r"cio(?:[A-Za-z0-9]{32}|_tp_[A-Za-z0-9]{32,})")
        .source("crates.io: API tokens", "https://doc.rust-lang.org/cargo/reference/publishing.html")
        .examples("cargo login «cio%{b62:32}»", "cioppino cioThisIsNotATokenButAVeryLongName"),
    token("rubygems_key", &["rubygems_"], r"rubygems_[0-9a-f]{48}")
        .source("RubyGems: API key scopes", "https://guides.rubygems.org/api-key-scopes/")
        .examples("GEM_HOST_API_KEY=«rubygems_%{hex:48}»", "rubygems_version: 3.4"),
    token("docker_token", &["dckr_pat_", "dckr_oat_"], r"dckr_[po]at_[A-Za-z0-9_-]{24,}")
        .source("Docker: personal access tokens", "https://docs.docker.com/security/access-tokens/")
        .examples("docker login -u acme -p «dckr_pat_%{b64url:27}»", "dckr_pat_..."),
    token("datadog_key", &["ddapp_", "ddapi_", "ddpat_", "ddsat_", "ddca_"], DATADOG_FORMS)
        .documented(DATADOG)
        .examples("appKey «ddapp_%{b62:34}»", "ddapp_key_name"),
    token(
        "datadog_key",
        &["dd_api", "dd_app", "dd-api", "dd-app", "ddapikey", "ddappkey", "datadog"],
        concat!(
            r"(?i)(?:dd|datadog)[_.-]?(?:api|app|application)[_.-]?key",
            assign!(),
            "(?P<secret>[0-9a-f]{32}(?:[0-9a-f]{8})?)"
        ),
    )
    .any_case()
    .boundary(Boundary::Anything)
    .documented(DATADOG)
    .examples("DD_API_KEY=«%{hex:32}»", "dd_api_key: ${DD_API_KEY}"),
    token(
        "telegram_token",
        &["0:", "1:", "2:", "3:", "4:", "5:", "6:", "7:", "8:", "9:"],
        r"[0-9]{8,10}:[A-Za-z0-9_-]{35}",
    )
    .token_chars(35)
    .prefix(Prefix::Digits { min: 7, max: 10 })
    .documented(TELEGRAM)
    .examples("bot = Bot('«%{digit:9}:AA%{b64url:33}»')", "1700000000:00:00 in 12345678:abc"),
    token("telegram_token", &["/bot"], concat!(slash!(), "bot(?P<secret>[0-9]{5,12}:[A-Za-z0-9_-]{30,})"))
        .boundary(Boundary::Anything)
        .documented(TELEGRAM)
        .examples("GET https://api.telegram.org/bot«%{digit:10}:AA%{b64url:33}»/getMe", "/bot/v1/getMe"),
    token(
        "discord_token",
        &["MD", "MT", "Mj", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT", "Oj", "Oz"],
        r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}",
    )
    .boundary(Boundary::NoName)
    .source("Discord: authentication", "https://discord.com/developers/docs/reference#authentication")
    .examples("client.login('«MTk4%{b62:20}.%{b62:6}.%{b64url:38}»')", "MTAwMDAwMDAwMDAwMDAwMDAw.json"),
    token(
        "discord_webhook",
        &["webhooks"],
        concat!("webhooks", slash!(), "[0-9]{15,21}", slash!(), "(?P<secret>[A-Za-z0-9_-]{60,})"),
    )
    .source("Discord: webhooks", "https://discord.com/developers/docs/resources/webhook")
    .examples(
        "https://discord.com/api/webhooks/%{digit:19}/«%{b64url:68}»",
        "https://discord.com/api/webhooks/1234567890",
    ),
    token("shopify_token", &["shpat_", "shpca_", "shppa_", "shpss_"], r"shp(?:at|ca|pa|ss)_[0-9A-Za-z]{32}")
        .source(
            "Shopify: access tokens",
            "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens",
        )
        .examples("X-Shopify-Access-Token: «shpat_%{hex:32}»", "shpat_"),
    token("linear_key", &["lin_api_", "lin_oauth_"], r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}")
        .source("Linear: API keys", "https://linear.app/docs/api-and-webhooks")
        .examples("«lin_api_%{b62:40}»", "lin_api_key"),
    token("notion_token", &["ntn_"], r"ntn_[A-Za-z0-9]{40,52}")
        .source("Notion: authentication", "https://developers.notion.com/reference/authentication")
        .examples("NOTION_TOKEN=«ntn_%{digit:11}%{b62:35}»", "ntn_1"),
    token("postman_key", &["PMAK-"], r"PMAK-[0-9A-Za-z]{24}-[0-9A-Za-z]{34}")
        .source(
            "Postman: API keys",
            "https://learning.postman.com/docs/reference/postman-api/authentication/",
        )
        .examples("X-API-Key: «PMAK-%{hex:24}-%{hex:34}»", "PMAK-"),
    token(
        "grafana_token",
        &["glsa_", "glc_eyJ"],
        r"(?:glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_eyJ[A-Za-z0-9+/]{60,}={0,2})",
    )
    .source(
        "Grafana: service accounts",
        "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
    )
    .examples("«glsa_%{b62:32}_%{hex:8}»", "glsa_"),
    token("newrelic_key", &["NRAK-"], r"NRAK-[A-Za-z0-9]{27}")
        .source("New Relic: API keys", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/")
        .examples("Api-Key: «NRAK-%{B36:27}»", "NRAK-"),
    token("sentry_token", &["sntrys_", "sntryu_"], r"sntry[su]_[A-Za-z0-9+/=_-]{60,}")
        .source("Sentry: auth tokens", "https://docs.sentry.io/account/auth-tokens/")
        .examples("SENTRY_AUTH_TOKEN=«sntryu_%{hex:64}»", "sntrys_"),
    token("groq_key", &["gsk_"], r"gsk_[A-Za-z0-9]{48,56}")
        .source("Groq: API keys", "https://console.groq.com/docs/quickstart")
        .examples("GROQ_API_KEY=«gsk_%{b62:52}»", "gsk_menu_shell"),
    token("xai_key", &["xai-"], r"xai-[A-Za-z0-9_-]{70,120}")
        .source("xAI: authentication", "https://docs.x.ai/docs/api-reference")
        .examples("XAI_API_KEY=«xai-%{b62:80}»", "xai-grok-beta"),
    token("replicate_token", &["r8_"], r"r8_[A-Za-z0-9]{36,42}")
        .source("Replicate: API tokens", "https://replicate.com/docs/topics/security/api-tokens")
        .examples("REPLICATE_API_TOKEN=«r8_%{b62:37}»", "r8_unorm"),
    token("perplexity_key", &["pplx-"], r"pplx-[A-Za-z0-9]{40,56}")
        .source("Perplexity: API keys", "https://docs.perplexity.ai/getting-started/quickstart")
        .examples("«pplx-%{b62:48}»", "pplx-70b-online"),
    token("nvidia_key", &["nvapi-"], r"nvapi-[A-Za-z0-9_-]{60,}")
        .source("NVIDIA NIM: API keys", "https://docs.nvidia.com/nim/")
        .examples("NVIDIA_API_KEY=«nvapi-%{b64url:64}»", "nvapi-client"),
    token("figma_token", &["figd_"], r"figd_[A-Za-z0-9_-]{40,}")
        .source("Figma: personal access tokens", "https://developers.figma.com/docs/rest-api/authentication/")
        .examples("X-Figma-Token: «figd_%{b64url:40}»", "figd_"),
    token("supabase_key", &["sbp_", "sb_secret_"], r"(?:sbp_[A-Za-z0-9_-]{40}|sb_secret_[A-Za-z0-9_-]{24,})")
        .source("Supabase: API keys", "https://supabase.com/docs/guides/api/api-keys")
        .examples("SUPABASE_ACCESS_TOKEN=«sbp_%{hex:40}»", "sb_publishable_key"),
    token(
        "doppler_token",
        &["dp."],
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[A-Za-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
    )
    .source("Doppler: auth token formats", "https://docs.doppler.com/reference/auth-token-formats")
    .examples("DOPPLER_TOKEN=«dp.pt.%{b62:43}»", "dp.st.length"),
    token("pulumi_token", &["pul-"], r"pul-[0-9a-f]{40}")
        .source(
            "Pulumi: access tokens",
            "https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/",
        )
        .examples("PULUMI_ACCESS_TOKEN=«pul-%{hex:40}»", "pul-request"),
    token("planetscale_token", &["pscale_"], r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}")
        .source("PlanetScale: service tokens", "https://planetscale.com/docs/api/reference/service-tokens")
        .examples("password=«pscale_pw_%{b62:43}»", "pscale_database"),
    token("atlassian_token", &["ATAT", "ATBB", "ATCTT3"], r"AT(?:AT|CTT3|BB)[A-Za-z0-9_=-]{28,}")
        .documented(ATLASSIAN)
        .examples("JIRA_TOKEN=«ATATT3xFfGF0%{b62:170}=%{HEX:8}»", "ATBB"),
    token("heroku_key", &["HRKU-"], r"HRKU-[A-Za-z0-9_-]{36,}")
        .source("Heroku: platform API OAuth", "https://devcenter.heroku.com/articles/oauth")
        .examples("HEROKU_API_KEY=«HRKU-%{b62:60}»", "HRKU-"),
    token("tailscale_key", &["tskey-"], r"tskey-[a-z]{2,10}-[A-Za-z0-9]{10,}-[A-Za-z0-9]{20,}")
        .source("Tailscale: key prefixes", "https://tailscale.com/kb/1277/key-prefixes")
        .examples("tailscale up --authkey «tskey-auth-%{b62:17}-%{b62:32}»", "tskey-auth"),
    token("onepassword_token", &["ops_eyJ"], r"ops_eyJ[A-Za-z0-9+/_-]{200,}={0,2}")
        .boundary(Boundary::NoName)
        .source("1Password: service accounts", "https://developer.1password.com/docs/service-accounts/")
        .examples("OP_SERVICE_ACCOUNT_TOKEN=«ops_eyJ%{b64url:300}»", "ops_eyJ"),
    token("mailgun_key", &["key-"], r"key-[0-9a-f]{32}")
        .source(
            "Mailgun: API keys",
            "https://documentation.mailgun.com/docs/mailgun/user-manual/get-started/",
        )
        .examples("-u 'api:«key-%{hex:32}»'", "key-value key-deadbeef"),
    token("mailchimp_key", &["-us"], r"[0-9a-f]{32}-us[0-9]{1,2}")
        .prefix(Prefix::Bytes(32))
        .source("Mailchimp: API keys", "https://mailchimp.com/developer/marketing/guides/quick-start/")
        .examples("anystring:«%{hex:32}-us14»", "contact-us1"),
    token("airtable_token", &["pat"], r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}")
        .source(
            "Airtable: personal access tokens",
            "https://airtable.com/developers/web/guides/personal-access-tokens",
        )
        .examples("AIRTABLE_TOKEN=«pat%{b62:14}.%{hex:64}»", "pattern.patch"),
    token("age_key", &["AGE-SECRET-KEY-1"], r"AGE-SECRET-KEY-1[A-Z0-9]{58}")
        .source("age file encryption", "https://age-encryption.org/v1")
        .examples("«AGE-SECRET-KEY-1%{B36:58}»", "AGE-SECRET-KEY-1"),
];
