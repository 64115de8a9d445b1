//! Model providers, agents, and tools around them: a second table.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("murf_key", &["ap2_"], "ap2_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Murf: API keys", "https://murf.ai/api/docs/introduction/quickstart")
        .examples("«ap2_%{uuid}»", "the prefix ap2_"),
    token("heygen_key", &["sk_V2_"], "sk_V2_[A-Za-z0-9_]{30,}")
        .source("HeyGen: API keys", "https://docs.heygen.com/reference/authentication")
        .examples("«sk_V2_hgu_%{b62:40}»", "the prefix sk_V2_"),
    token("lambda_key", &["secret_"], r"secret_[A-Za-z0-9-]{1,40}_[0-9a-f]{32}\.[A-Za-z0-9]{32}")
        .source("Lambda: cloud API", "https://docs.lambda.ai/public-cloud/cloud-api/")
        .examples("«secret_laptop_%{hex:32}.%{b62:32}»", "the prefix secret_"),
    token("coreweave_token", &["CW-SECRET-"], "CW-SECRET-[A-Za-z0-9_-]{24,}")
        .source("CoreWeave: API access tokens", "https://docs.coreweave.com/docs/security/authn-authz/manage-api-access-tokens")
        .examples("«CW-SECRET-%{b62:43}»", "the prefix CW-SECRET-"),
    token("arize_key", &["ak-"], "ak-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[A-Za-z0-9_-]{20,}")
        .source("Arize: API keys", "https://arize.com/docs/ax/security-and-settings/api-keys")
        .examples("«ak-%{uuid}-%{b62:32}»", "the prefix ak-"),
    token("helicone_key", &["sk-helicone-", "pk-helicone-"], "[sp]k-helicone-[a-z0-9-]{20,}")
        .source("Helicone: API keys", "https://docs.helicone.ai/helicone-headers/helicone-auth")
        .examples("«pk-helicone-%{b36:7}-%{b36:7}-%{b36:7}-%{b36:7}»", "the prefix sk-helicone-"),
    token("promptlayer_key", &["pl_"], "pl_[0-9a-f]{32}")
        .boundary(Boundary::NoPath)
        .source("PromptLayer: API keys", "https://docs.promptlayer.com/quickstart")
        .examples("«pl_%{hex:32}»", "the prefix pl_"),
    token("traceloop_key", &["tl_"], "tl_[0-9a-f]{32,64}")
        .boundary(Boundary::NoPath)
        .source("Traceloop: API keys", "https://www.traceloop.com/docs/openllmetry/integrations/traceloop")
        .examples("«tl_%{hex:64}»", "the prefix tl_"),
    token("zep_key", &["z_eyJ"], r"z_eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
        .source("Zep: API keys", "https://help.getzep.com/quickstart")
        .examples("«z_eyJhbGciOiJIUzI1NiJ9.eyJ%{b62:40}.%{b62:43}»", "the prefix z_eyJ"),
    token("supermemory_key", &["sm_"], "sm_[A-Za-z0-9]{20,30}_[A-Za-z0-9_-]{30,}")
        .source("Supermemory: API keys", "https://supermemory.ai/docs/quickstart")
        .examples("«sm_%{b62:22}_%{b62:60}»", "the prefix sm_"),
    token("arcade_key", &["arc_"], "arc_[A-Za-z0-9]{30,}")
        .check(Check::Random)
        .source("Arcade: API keys", "https://docs.arcade.dev/home/api-keys")
        .examples("«arc_o1%{b62:60}»", "the prefix arc_"),
    token("hyperbrowser_key", &["hb_"], "hb_[0-9a-f]{24,}")
        .boundary(Boundary::NoPath)
        .source("Hyperbrowser: quickstart", "https://docs.hyperbrowser.ai/")
        .examples("«hb_%{hex:28}»", "the prefix hb_"),
    token("scrapegraph_key", &["sgai-"], "sgai-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("ScrapeGraphAI: API keys", "https://docs.scrapegraphai.com/")
        .examples("«sgai-%{uuid}»", "the prefix sgai-"),
    token("scrapfly_key", &["scp-"], "scp-(?:live|test)-[0-9a-f]{32}")
        .source("Scrapfly: authorization", "https://scrapfly.io/docs/scrape-api/getting-started")
        .examples("«scp-live-%{hex:32}»", "the prefix scp-"),
    token("relace_key", &["rlc-"], "rlc-[A-Za-z0-9_-]{28,}")
        .check(Check::Random)
        .source("Relace: API keys", "https://docs.relace.ai/")
        .examples("«rlc-%{b62:36}»", "the prefix rlc-"),
    token("v0_key", &["v1:"], "v1:[A-Za-z0-9]{24}:[A-Za-z0-9]{24}")
        .token_chars(24)
        .boundary(Boundary::NoName)
        .source("Vercel v0: API keys", "https://v0.dev/docs/api/platform/overview")
        .examples("«v1:%{b62:24}:%{b62:24}»", "the prefix v1:"),
    token("warp_key", &["wk-"], r"wk-[0-9]\.[0-9a-f]{40,}")
        .source("Warp: API keys", "https://docs.warp.dev/developers/cli")
        .examples("«wk-1.%{hex:64}»", "the prefix wk-"),
    token("parasail_key", &["psk-"], "psk-[A-Za-z0-9]{24,}")
        .check(Check::Random)
        .source("Parasail: API keys", "https://docs.parasail.io/")
        .examples("«psk-%{b62:32}»", "the prefix psk-"),
    token("featherless_key", &["rc_"], "rc_[0-9a-f]{64}")
        .source("Featherless: API keys", "https://featherless.ai/docs/api-overview-and-common-options")
        .examples("«rc_%{hex:64}»", "the prefix rc_"),
    token("chutes_key", &["cpk_"], r"cpk_[0-9a-f]{32}(?:\.[0-9a-f]{32})?\.[A-Za-z0-9]{32}")
        .source("Chutes: API keys", "https://chutes.ai/docs")
        .examples("«cpk_%{hex:32}.%{hex:32}.%{b62:32}»", "the prefix cpk_"),
    token("targon_key", &["sn4_"], "sn4_[a-z0-9]{24,}")
        .check(Check::Random)
        .source("Targon: API keys", "https://docs.targon.com/")
        .examples("«sn4_%{b36:28}»", "the prefix sn4_"),
    token("venice_key", &["VENICE-INFERENCE-KEY-", "VENICE-ADMIN-KEY-", "VENICE_INFERENCE_KEY_", "VENICE_ADMIN_KEY_"], "VENICE[_-](?:INFERENCE|ADMIN)[_-]KEY[_-][A-Za-z0-9_-]{30,}")
        .source("Venice: API keys", "https://docs.venice.ai/overview/guides/generating-api-key")
        .examples("«VENICE-ADMIN-KEY-%{b62:43}»", "the prefix VENICE-INFERENCE-KEY-"),
    token("copilot_token", &["tid="], r"tid=[0-9a-f]{32};[!-~&&[^\x22'\\]]{10,600}?:(?P<secret>[0-9a-f]{64})")
        .source("GitHub Copilot: network settings", "https://docs.github.com/en/copilot/reference/copilot-allowlist-reference")
        .examples("tid=%{hex:32};exp=%{digit:10};sku=free:«%{hex:64}»", "the prefix tid="),
    token("turbopuffer_key", &["tpuf_"], "tpuf_[A-Za-z0-9]{28,}")
        .source("turbopuffer: authentication", "https://turbopuffer.com/docs/auth")
        .examples("«tpuf_%{b62:32}»", "the prefix tpuf_"),
    token("qdrant_key", &["|"], r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\|[A-Za-z0-9_-]{43,}")
        .prefix(Prefix::Bytes(36))
        .token_chars(43)
        .source("Qdrant Cloud: management keys", "https://qdrant.tech/documentation/cloud-api/")
        .examples("«%{uuid}|%{b62:54}»", "the prefix |"),
    token("zhipu_key", &["0.", "1.", "2.", "3.", "4.", "5.", "6.", "7.", "8.", "9.", "a.", "b.", "c.", "d.", "e.", "f."], r"[0-9a-f]{32}\.[A-Za-z0-9]{16}")
        .prefix(Prefix::Bytes(31))
        .boundary(Boundary::NoName)
        .token_chars(16)
        .check(Check::Random)
        .source("Zhipu AI: API keys", "https://docs.bigmodel.cn/cn/api/introduction")
        .examples("«%{hex:32}.%{b62:16}»", "the end. of it"),
    token("fal_key", &["0:", "1:", "2:", "3:", "4:", "5:", "6:", "7:", "8:", "9:", "a:", "b:", "c:", "d:", "e:", "f:"], "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{32}")
        .prefix(Prefix::Bytes(35))
        .boundary(Boundary::NoName)
        .token_chars(32)
        .source("fal: authentication", "https://docs.fal.ai/authentication/key-based/")
        .examples("«%{uuid}:%{hex:32}»", "a: b"),
    token("nebius_token", &["v1.Cm", "ne1"], r"(?:v1\.Cm|ne1)[A-Za-z0-9_+/=.-]{80,}")
        .token_chars(80)
        .check(Check::Random)
        .source("Nebius: authentication", "https://docs.nebius.com/iam/authorization/access-tokens")
        .examples("«v1.Cm%{b62:200}»", "the prefix v1.Cm"),
    token("zenml_key", &["ZENKEY_", "ZENPAT_", "ZENPROKEY_", "ZENPROPAT_"], "ZEN(?:PRO)?(?:KEY|PAT)_[A-Za-z0-9+/=_-]{30,}")
        .source("ZenML: API tokens", "https://docs.zenml.io/concepts/service_connectors")
        .examples("«ZENKEY_eyJ%{b62:100}»", "the prefix ZENKEY_"),
    token("whylabs_key", &[":org-"], r"[!-~]{0,60}?(?P<secret>[A-Za-z0-9]{8,12}\.[A-Za-z0-9]{50,80}:org-[A-Za-z0-9]{4,8})")
        .prefix(Prefix::Word { max: 140 })
        .boundary(Boundary::Anything)
        .source("WhyLabs: API keys", "https://docs.whylabs.ai/docs/whylabs-api/")
        .examples("«%{b62:10}.%{b62:64}:org-%{b62:6}»", "the word :org-"),
    token("freepik_key", &["FPSX"], "FPSX[0-9a-f]{30,}")
        .source("Freepik: authentication", "https://docs.freepik.com/authentication")
        .examples("«FPSX%{hex:32}»", "the prefix FPSX"),
    token("rows_key", &["rows-1"], "rows-1[A-Za-z0-9]{35,}")
        .source("Rows: API keys", "https://rows.com/docs/using-rows-api")
        .examples("«rows-1%{b62:42}»", "the prefix rows-1"),
    token("twelvelabs_key", &["tlk_"], "tlk_[A-Z0-9]{26,}")
        .source("TwelveLabs: API keys", "https://docs.twelvelabs.io/docs/get-started/quickstart")
        .examples("«tlk_%{B36:26}»", "the prefix tlk_"),
    token("segmind_key", &["SG_"], "SG_[0-9a-f]{16,}")
        .source("Segmind: API keys", "https://docs.segmind.com/")
        .examples("«SG_%{hex:16}»", "the prefix SG_"),
    token("vectara_key", &["zqt_", "zut_", "zwt_"], "z[quw]t_[A-Za-z0-9_-]{30,}")
        .check(Check::Random)
        .source("Vectara: API keys", "https://docs.vectara.com/docs/security/authentication/api-key-management")
        .examples("«zqt_%{b62:38}»", "the prefix zqt_"),
    token("ragie_key", &["tnt_"], "tnt_[A-Za-z0-9]{10,12}_[A-Za-z0-9]{40,}")
        .source("Ragie: authentication", "https://docs.ragie.ai/docs/authentication")
        .examples("«tnt_%{b62:11}_%{b62:58}»", "the prefix tnt_"),
    token("literal_key", &["lsk_"], "lsk_[A-Za-z0-9]{32,}")
        .check(Check::Random)
        .source("Literal AI: API keys", "https://docs.literalai.com/")
        .examples("«lsk_%{b62:43}»", "the prefix lsk_"),
    token("parea_key", &["pai-"], "pai-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Parea: API keys", "https://docs.parea.ai/")
        .examples("«pai-%{uuid}»", "the prefix pai-"),
    token("confident_key", &["confident_us_", "confident_eu_"], "confident_(?:us|eu)_[A-Za-z0-9+/=_-]{28,}")
        .check(Check::Random)
        .source("Confident AI: API keys", "https://www.confident-ai.com/docs")
        .examples("«confident_us_%{b62:43}»", "the prefix confident_us_"),
    token("toolhouse_key", &["th-"], "th-[A-Za-z0-9_-]{40,}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("Toolhouse: API keys", "https://docs.toolhouse.ai/")
        .examples("«th-%{b62:43}»", "the prefix th-"),
    token("trieve_key", &["tr-"], "tr-[A-Za-z0-9]{32}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("Trieve: API keys", "https://docs.trieve.ai/")
        .examples("«tr-%{b62:32}»", "the prefix tr-"),
    token("wordware_key", &["ww-"], "ww-[A-Za-z0-9]{40,}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("Wordware: API keys", "https://docs.wordware.ai/")
        .examples("«ww-%{b62:48}»", "the prefix ww-"),
    token("contextual_key", &["key-"], "key-[A-Za-z0-9_-]{40,60}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("Contextual AI: API keys", "https://docs.contextual.ai/")
        .examples("«key-%{b62:43}»", "the prefix key-"),
    token("openai_ephemeral_key", &["ek_"], "ek_[0-9a-f]{32,}")
        .source("OpenAI: ephemeral keys", "https://platform.openai.com/docs/guides/realtime-webrtc")
        .examples("«ek_%{hex:32}»", "the prefix ek_"),
];
