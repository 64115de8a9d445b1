//! Payments, commerce, marketing and media: a second table.

use crate::exporter::batch::redact::rule::{Boundary, Check, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("conekta_key", &["key_"], "key_[A-Za-z0-9]{20,25}")
        .boundary(Boundary::NoName)
        .check(Check::Unworded)
        .source("Conekta: API keys", "https://developers.conekta.com/docs/api-keys-producci%C3%B3n")
        .examples("«key_%{b62:9}7%{b62:12}4»", "the prefix key_"),
    token("teller_token", &["token_"], "token_[a-z0-9]{24,40}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("Teller: authentication", "https://teller.io/docs/api/authentication")
        .examples("«token_%{b36:26}»", "the prefix token_"),
    token("merge_key", &["production_"], "production_[A-Za-z0-9_-]{40,}")
        .boundary(Boundary::NoName)
        .check(Check::Unworded)
        .source("Merge: authentication", "https://docs.merge.dev/basics/authentication/")
        .examples("«production_%{b62:54}»", "the prefix production_"),
    token("finch_secret", &["finch-secret-"], "finch-secret-(?:sandbox|production|development)-[A-Za-z0-9_-]{24,}")
        .source("Finch: authentication", "https://developer.tryfinch.com/how-finch-works/quickstart")
        .examples("«finch-secret-sandbox-%{b62:43}»", "the prefix finch-secret-"),
    token("iex_token", &["Tsk_"], "Tsk_[0-9a-f]{32}")
        .source("IEX Cloud: API tokens", "https://iexcloud.io/docs/")
        .examples("«Tsk_%{hex:32}»", "the prefix Tsk_"),
    token("coingecko_key", &["CG-"], "CG-[A-Za-z0-9]{24}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("CoinGecko: API keys", "https://docs.coingecko.com/docs/setting-up-your-api-key")
        .examples("«CG-%{b62:24}»", "the prefix CG-"),
    token("covalent_key", &["cqt_", "ckey_"], "(?:cqt_[A-Za-z0-9]{24,}|ckey_[0-9a-f]{27})")
        .source("Covalent: API keys", "https://goldrush.dev/docs/overview")
        .examples("«cqt_rQ%{b62:28}»", "the prefix cqt_"),
    token("keap_key", &["KeapAK-"], "KeapAK-[0-9a-f]{40,}")
        .source("Keap: personal access tokens", "https://developer.infusionsoft.com/pat-and-sak/")
        .examples("«KeapAK-%{hex:60}»", "the prefix KeapAK-"),
    token("grain_token", &["grain_pat_", "grain_wat_"], "grain_[pw]at_[A-Za-z0-9_-]{20,}")
        .source("Grain: API", "https://developers.grain.com/")
        .examples("«grain_pat_%{b62:40}»", "the prefix grain_pat_"),
    token("instagram_token", &["IGAA", "THAA"], "(?:IG|TH)AA[A-Za-z0-9_-]{80,}")
        .check(Check::Random)
        .source("Instagram: access tokens", "https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/get-started")
        .examples("«IGAA%{b62:160}»", "the prefix IGAA"),
    token("livechat_token", &["dal:", "fra:", "us-south1:", "europe-west3:"], "(?:dal|fra|us-south1|europe-west3):[A-Za-z0-9_-]{24,}")
        .boundary(Boundary::NoName)
        .token_chars(24)
        .check(Check::Random)
        .source("LiveChat: authorization", "https://platform.text.com/docs/authorization")
        .examples("«dal:%{b62:32}»", "the prefix dal:"),
    token("contentstack_token", &["cs"], "cs[0-9a-f]{32}")
        .boundary(Boundary::NoName)
        .token_chars(32)
        .source("Contentstack: delivery tokens", "https://www.contentstack.com/docs/developers/create-tokens")
        .examples("«cs%{hex:32}»", "the prefix cs"),
    token("prismic_token", &["MC5"], r"MC5[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_+/=-]{40,}")
        .source("Prismic: access tokens", "https://prismic.io/docs/access-token")
        .examples("«MC5%{b62:21}.%{b62:80}»", "the prefix MC5"),
    token("personio_token", &["papi-"], "papi-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Personio: authentication", "https://developer.personio.de/reference/auth")
        .examples("«papi-%{uuid}»", "the prefix papi-"),
    token("cloudbeds_key", &["cbat_"], "cbat_[A-Za-z0-9]{28,}")
        .source("Cloudbeds: API keys", "https://developers.cloudbeds.com/docs/quick-start-guide-for-property-level-users")
        .examples("«cbat_%{b62:32}»", "the prefix cbat_"),
    token("moz_token", &["mozscape-"], "mozscape-[A-Za-z0-9]{10}:[A-Za-z0-9]{32}")
        .source("Moz: API access", "https://moz.com/api/docs")
        .examples("«mozscape-%{b62:10}:%{b62:32}»", "the prefix mozscape-"),
    token("recharge_token", &["sk_1x1_", "sk_2x2_", "sk_3x3_", "sk_5x5_"], "sk_[0-9]x[0-9]_[0-9a-f]{40,}")
        .source("Recharge: authentication", "https://docs.getrecharge.com/docs/custom-code-and-api")
        .examples("«sk_1x1_%{hex:64}»", "the prefix sk_1x1_"),
    token("cronofy_secret", &["CRN_"], "CRN_[A-Za-z0-9_-]{40,}")
        .check(Check::Random)
        .source("Cronofy: authentication", "https://docs.cronofy.com/developers/api/authorization/")
        .examples("«CRN_%{b62:60}»", "the prefix CRN_"),
    token("stigg_key", &["server-", "client-"], "(?:server|client)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Stigg: API keys", "https://docs.stigg.io/")
        .examples("«server-%{uuid}:%{uuid}»", "the prefix server-"),
    token("schematic_key", &["sch_dev_", "sch_prod_"], "sch_(?:dev|prod)_[A-Za-z0-9]{28,}")
        .source("Schematic: API keys", "https://docs.schematichq.com/")
        .examples("«sch_dev_%{b62:32}»", "the prefix sch_dev_"),
    token("openmeter_token", &["om_"], "om_[A-Za-z0-9]{32,}")
        .check(Check::Random)
        .source("OpenMeter: authentication", "https://openmeter.io/docs")
        .examples("«om_%{b62:40}»", "the prefix om_"),
    token("bannerbear_key", &["bb_pr_", "bb_ma_"], "bb_(?:pr|ma)_[0-9a-f]{28,}")
        .source("Bannerbear: authentication", "https://developers.bannerbear.com/")
        .examples("«bb_pr_%{hex:32}»", "the prefix bb_pr_"),
    token("placid_token", &["placid-"], "placid-[a-z0-9]{12,16}-[a-z0-9]{12,16}")
        .check(Check::Random)
        .source("Placid: API tokens", "https://placid.app/docs/2.0/rest/authentication")
        .examples("«placid-%{b36:12}-%{b36:14}»", "the prefix placid-"),
    token("orbit_token", &["obu_", "obw_"], "ob[uw]_[A-Za-z0-9_]{30,}")
        .check(Check::Random)
        .source("Orbit: API keys", "https://docs.orbit.love/reference/about-the-orbit-api")
        .examples("«obu_%{b62:40}»", "the prefix obu_"),
    token("postcoder_key", &["PCW"], "PCW[A-Z0-9]{2}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{4}")
        .source("Postcoder: API keys", "https://postcoder.com/docs")
        .examples("«PCW%{B36:2}-%{B36:5}-%{B36:5}-%{B36:4}»", "the prefix PCW"),
    token("signalwire_token", &["PT", "PSK"], "(?:PT|PSK)[0-9a-f]{48}")
        .boundary(Boundary::NoName)
        .token_chars(48)
        .source("SignalWire: API credentials", "https://developer.signalwire.com/platform/dashboard/get-started/your-signalwire-api-space")
        .examples("«PT%{hex:48}»", "the prefix PT"),
];
