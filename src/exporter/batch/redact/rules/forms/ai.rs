//! Model providers and tools for agents.

use crate::exporter::batch::redact::rule::{Boundary, Check, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("openrouter_key", &["sk-or-v"], "sk-or-v[0-9]-[A-Za-z0-9_-]{20,}")
        .source("OpenRouter: authentication", "https://openrouter.ai/docs/api-reference/authentication")
        .examples("«sk-or-v1-%{hex:64}»", "the prefix sk-or-v"),
    token("langfuse_key", &["sk-lf-", "pk-lf-"], "[sp]k-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Langfuse: API keys", "https://langfuse.com/docs/api-and-data-platform/features/public-api")
        .examples("«sk-lf-%{uuid}»", "the prefix sk-lf-"),
    token("langsmith_key", &["lsv2_pt_", "lsv2_sk_", "ls__"], "(?:lsv2_(?:pt|sk)_[A-Za-z0-9]{32}_[A-Za-z0-9]{10}|ls__[A-Za-z0-9]{32})")
        .source("LangSmith: API keys", "https://docs.langchain.com/langsmith/create-account-api-key")
        .examples("«lsv2_pt_%{hex:32}_%{hex:10}»", "the prefix lsv2_pt_"),
    token("cerebras_key", &["csk-"], "csk-[a-z0-9]{35,}")
        .source("Cerebras: quickstart", "https://inference-docs.cerebras.ai/quickstart")
        .examples("«csk-%{b36:48}»", "the prefix csk-"),
    token("elevenlabs_key", &["sk_"], "sk_[0-9a-f]{48}")
        .source("ElevenLabs: authentication", "https://elevenlabs.io/docs/api-reference/authentication")
        .examples("«sk_%{hex:48}»", "the prefix sk_"),
    token("cartesia_key", &["sk_car_"], "sk_car_[A-Za-z0-9_]{18,}")
        .source("Cartesia: API keys", "https://docs.cartesia.ai/get-started/overview")
        .examples("«sk_car_%{b62:22}»", "the prefix sk_car_"),
    token("fireworks_key", &["fw_"], "fw_[A-Za-z0-9]{20,}")
        .source("Fireworks: API keys", "https://docs.fireworks.ai/getting-started/quickstart")
        .check(Check::Random)
        .examples("«fw_%{b62:24}»", "the prefix fw_"),
    token("together_key", &["tgp_v1_"], "tgp_v1_[A-Za-z0-9_-]{35,}")
        .source("Together AI: authentication", "https://docs.together.ai/docs/quickstart")
        .examples("«tgp_v1_%{b64url:43}»", "the prefix tgp_v1_"),
    token("voyage_key", &["pa-", "al-"], "(?:pa|al)-[A-Za-z0-9_-]{43}")
        .source("Voyage AI: API keys", "https://docs.voyageai.com/docs/api-key-and-installation")
        .check(Check::Random)
        .examples("«pa-%{b64url:43}»", "the prefix pa-"),
    token("jina_key", &["jina_"], "jina_[A-Za-z0-9_-]{44,}")
        .source("Jina AI: API", "https://jina.ai/api-dashboard")
        .examples("«jina_%{hex:32}%{b62:28}»", "the prefix jina_"),
    token("nomic_key", &["nk-"], "nk-[A-Za-z0-9_-]{43}")
        .source("Nomic: Atlas API", "https://docs.nomic.ai")
        .check(Check::Random)
        .examples("«nk-%{b64url:43}»", "the prefix nk-"),
    token("pinecone_key", &["pcsk_"], "pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{53,}")
        .source("Pinecone: API keys", "https://docs.pinecone.io/guides/projects/manage-api-keys")
        .examples("«pcsk_%{b62:5}_%{b62:63}»", "the prefix pcsk_"),
    token("tavily_key", &["tvly-"], "tvly-(?:dev-|prod-)?[A-Za-z0-9]{25,}")
        .source("Tavily: quickstart", "https://docs.tavily.com/documentation/quickstart")
        .examples("«tvly-%{b62:32}»", "the prefix tvly-"),
    token("firecrawl_key", &["fc-"], "fc-[0-9a-f]{32}")
        .source("Firecrawl: authentication", "https://docs.firecrawl.dev/api-reference/introduction")
        .examples("«fc-%{hex:32}»", "the prefix fc-"),
    token("e2b_key", &["e2b_"], "e2b_[0-9a-f]{40}")
        .source("E2B: API key", "https://e2b.dev/docs/api-key")
        .examples("«e2b_%{hex:40}»", "the prefix e2b_"),
    token("browserbase_key", &["bb_live_", "bb_test_"], "bb_(?:live|test)_[A-Za-z0-9_-]{21,}")
        .source("Browserbase: API keys", "https://docs.browserbase.com")
        .examples("«bb_live_%{b64url:27}»", "the prefix bb_live_"),
    token("llamacloud_key", &["llx-"], "llx-[A-Za-z0-9]{39,}")
        .source("LlamaCloud: API key", "https://docs.cloud.llamaindex.ai")
        .examples("«llx-%{b62:48}»", "the prefix llx-"),
    token("mem0_key", &["m0-"], "m0-[A-Za-z0-9]{21,}")
        .source("Mem0: API", "https://docs.mem0.ai")
        .check(Check::Random)
        .examples("«m0-%{b62:40}»", "the prefix m0-"),
    token("anyscale_key", &["esecret_"], "esecret_[a-z0-9]{26,}")
        .source("Anyscale: API keys", "https://docs.anyscale.com")
        .examples("«esecret_%{b36:26}»", "the prefix esecret_"),
    token("wandb_key", &["wandb_v1_"], "wandb_v1_[A-Za-z0-9_]{53,}")
        .source("Weights & Biases: API keys", "https://docs.wandb.ai")
        .examples("«wandb_v1_%{b62:77}»", "the prefix wandb_v1_"),
    token("runpod_key", &["rpa_", "rps_"], "rp[as]_[A-Za-z0-9]{27,}")
        .source("RunPod: API keys", "https://docs.runpod.io/get-started/api-keys")
        .examples("«rpa_%{B36:40}%{b62:6}»", "the prefix rpa_"),
    token("modal_token", &["ak-", "as-", "wk-", "ws-"], "(?:ak|as|wk|ws)-[A-Za-z0-9]{22}")
        .source("Modal: tokens", "https://modal.com/docs/reference/modal.config")
        .check(Check::Random)
        .examples("«as-%{b62:22}»", "the prefix ak-"),
    token("brave_key", &["BSA"], "BSA[A-Za-z0-9_-]{24,40}")
        .source("Brave Search API: authentication", "https://api-dashboard.search.brave.com/documentation/guides/authentication")
        .check(Check::Random)
        .examples("«BSA%{b62:28}»", "the prefix BSA"),
    token("devin_key", &["apk_", "cog_"], "(?:apk_(?:user_)?[A-Za-z0-9+/]{70,}={0,2}|cog_[a-z0-9]{50,54})")
        .source("Devin: API authentication", "https://docs.devin.ai/api-reference/overview")
        .examples("«apk_%{b62:88}==»", "the prefix apk_"),
    token("minimax_key", &["sk-api-"], "sk-api-[A-Za-z0-9_-]{60,}")
        .source("MiniMax: API", "https://platform.minimax.io/docs")
        .examples("«sk-api-%{b64url:119}»", "the prefix sk-api-"),
    token("gemini_key", &["AQ."], r"AQ\.[A-Za-z0-9_-]{40,}")
        .source("Google AI: API keys", "https://ai.google.dev/gemini-api/docs/api-key")
        .examples("«AQ.Ab8RN6%{b64url:44}»", "the prefix AQ."),
    token("apify_token", &["apify_api_", "apify_proxy_", "apify_ui_", "apify_run_", "apify_integration_", "apify_webhook_"], "apify_[a-z_]{2,24}_[A-Za-z0-9]{27,}")
        .source("Apify: API integration", "https://docs.apify.com/platform/integrations/api")
        .examples("«apify_api_%{b62:36}»", "the prefix apify_api_"),
    token("api_key", &["key_"], "key_[0-9a-f]{28,}")
        .boundary(Boundary::NoPath)
        .check(Check::Random)
        .source("Cursor: APIs", "https://cursor.com/docs/api")
        .examples("«key_%{hex:64}»", "the prefix key_"),
    token("logfire_token", &["pylf_v"], "pylf_v[0-9]_[a-z]{2,10}_[A-Za-z0-9]{40,}")
        .source("Pydantic Logfire: write tokens", "https://logfire.pydantic.dev/docs/how-to-guides/create-write-tokens/")
        .examples("«pylf_v1_us_%{b62:43}»", "the prefix pylf_v"),
    token("laminar_key", &["lmnr"], "lmnr[A-Za-z0-9_-]{44,}")
        .source("Laminar: API key", "https://docs.lmnr.ai")
        .check(Check::Random)
        .examples("«lmnr%{b62:60}»", "the prefix lmnr"),
    token("novita_key", &["sk_"], "sk_[A-Za-z0-9_-]{43}")
        .source("Novita: API keys", "https://novita.ai/docs/guides/quickstart")
        .check(Check::Random)
        .examples("«sk_%{b64url:43}»", "the prefix sk_"),
    token("n8n_key", &["n8n_api_"], "n8n_api_[A-Za-z0-9]{53,}")
        .source("n8n: API keys", "https://docs.n8n.io/api/authentication/")
        .examples("«n8n_api_%{hex:80}»", "the prefix n8n_api_"),
    token("baidu_key", &["bce-v3/ALTAK-"], "bce-v3/ALTAK-[A-Za-z0-9]{21}/[0-9a-f]{40}")
        .source("Baidu AI Cloud: API keys", "https://cloud.baidu.com/doc/IAM/s/Mm2x80srt")
        .examples("«bce-v3/ALTAK-%{b62:21}/%{hex:40}»", "the prefix bce-v3/ALTAK-"),
    token("volcengine_key", &["AKLT"], "AKLT[A-Za-z0-9+/_-]{35,}={0,2}")
        .source("Volcengine: access keys", "https://www.volcengine.com/docs/6257/64983")
        .examples("«AKLT%{b62:43}»", "the prefix AKLT"),
    token("kaggle_token", &["KGAT_"], "KGAT_[0-9a-f]{32}")
        .source("Kaggle: API tokens", "https://www.kaggle.com/docs/api")
        .examples("«KGAT_%{hex:32}»", "the prefix KGAT_"),
    token("dvc_token", &["isat_"], "isat_[A-Za-z0-9]{35,}")
        .source("DVC Studio: access tokens", "https://doc.dvc.org/studio/user-guide/account-management")
        .examples("«isat_%{b62:52}»", "the prefix isat_"),
    token("openpipe_key", &["opk_"], "opk_[A-Za-z0-9]{32,}")
        .source("OpenPipe: API keys", "https://docs.openpipe.ai")
        .examples("«opk_%{hex:42}»", "the prefix opk_"),
    token("friendli_token", &["flp_"], "flp_[A-Za-z0-9]{35,}")
        .source("Friendli: access tokens", "https://friendli.ai/docs/guides/personal_access_tokens")
        .examples("«flp_%{b62:46}»", "the prefix flp_"),
    token("predibase_token", &["pb_"], "pb_[A-Za-z0-9_-]{22}")
        .source("Predibase: API tokens", "https://docs.predibase.com")
        .check(Check::Random)
        .examples("«pb_%{b62:22}»", "the prefix pb_"),
    token("upstage_key", &["up_"], "up_[A-Za-z0-9]{25,}")
        .source("Upstage: API keys", "https://console.upstage.ai/docs/getting-started")
        .check(Check::Random)
        .examples("«up_%{b62:29}»", "the prefix up_"),
    token("luma_key", &["luma-"], "luma-[0-9a-f-]{32,}")
        .source("Luma: API keys", "https://docs.lumalabs.ai/docs/api")
        .examples("«luma-%{uuid}-%{uuid}»", "the prefix luma-"),
    token("cursor_key", &["crsr_"], "crsr_[0-9a-f]{49,}")
        .source("Cursor: APIs", "https://cursor.com/docs/api")
        .examples("«crsr_%{hex:64}»", "the prefix crsr_"),
    token("dify_key", &["app-", "dataset-"], "(?:app|dataset)-[A-Za-z0-9]{24}")
        .source("Dify: API keys", "https://docs.dify.ai/en/guides/application-publishing/developing-with-apis")
        .check(Check::Random)
        .examples("«app-%{b62:24}»", "the prefix app-"),
    token("voiceflow_key", &["VF."], r"VF\.(?:DM\.)?[0-9a-f]{24}\.[A-Za-z0-9]{16}")
        .source("Voiceflow: API keys", "https://docs.voiceflow.com/reference/authentication")
        .examples("«VF.DM.%{hex:24}.%{b62:16}»", "the prefix VF."),
    token("botpress_token", &["bp_pat_", "bp_bak_"], "bp_(?:pat|bak)_[A-Za-z0-9]{27,}")
        .source("Botpress: personal access tokens", "https://botpress.com/docs/api-reference/authentication")
        .examples("«bp_pat_%{b62:36}»", "the prefix bp_pat_"),
    token("factory_key", &["fk-"], "fk-[A-Za-z0-9_-]{20,24}-[A-Za-z0-9_-]{35,}")
        .source("Factory: API keys", "https://docs.factory.ai")
        .examples("«fk-%{b62:20}-%{b62:43}»", "the prefix fk-"),
    token("chroma_key", &["ck-"], "ck-[A-Za-z0-9]{35,}")
        .source("Chroma Cloud: API keys", "https://docs.trychroma.com/cloud/getting-started")
        .examples("«ck-%{b62:44}»", "the prefix ck-"),
    token("mixedbread_key", &["mxb_"], "mxb_[A-Za-z0-9]{25,}")
        .source("Mixedbread: API keys", "https://www.mixedbread.com/docs")
        .examples("«mxb_%{b62:40}»", "the prefix mxb_"),
    token("steel_key", &["ste-"], "ste-[A-Za-z0-9]{44,}")
        .source("Steel: API keys", "https://docs.steel.dev")
        .examples("«ste-%{b62:70}»", "the prefix ste-"),
    token("glhf_key", &["glhf_"], "glhf_[0-9a-f]{25,}")
        .source("GLHF: API keys", "https://glhf.chat")
        .examples("«glhf_%{hex:32}»", "the prefix glhf_"),
    token("langwatch_key", &["sk-lw-", "pk-lw-"], "[sp]k-lw-[A-Za-z0-9]{27,}")
        .source("LangWatch: API keys", "https://docs.langwatch.ai")
        .examples("«sk-lw-%{b62:64}»", "the prefix sk-lw-"),
    token("coze_token", &["pat_", "sat_"], "[ps]at_[A-Za-z0-9]{53,}")
        .source("Coze: access tokens", "https://www.coze.com/docs/developer_guides/authentication")
        .examples("«pat_%{b62:64}»", "the prefix pat_"),
    token("wandb_key", &["local-"], "local-[0-9a-f]{40}")
        .boundary(Boundary::NoPath)
        .source("Weights & Biases: API keys", "https://docs.wandb.ai")
        .examples("«local-%{hex:40}»", "the prefix local-"),
    token("composio_key", &["ak_"], "ak_[A-Za-z0-9_-]{20}")
        .source("Composio: API keys", "https://docs.composio.dev")
        .check(Check::Random)
        .examples("«ak_%{b62:20}»", "the prefix ak_"),
    token("browser_use_key", &["bu_"], "bu_[A-Za-z0-9_-]{40,}")
        .source("Browser Use Cloud: authentication", "https://docs.cloud.browser-use.com")
        .check(Check::Random)
        .examples("«bu_%{b64url:43}»", "the prefix bu_"),
    token("mastra_key", &["msk_"], "msk_[A-Za-z0-9]{28,}")
        .source("Mastra Cloud: access tokens", "https://mastra.ai/docs")
        .check(Check::Random)
        .examples("«msk_%{b62:32}»", "the prefix msk_"),
    token("salad_key", &["salad_cloud_"], "salad_cloud_[a-z]{2,12}_[A-Za-z0-9]{32,}")
        .source("SaladCloud: API keys", "https://docs.salad.com/reference/saladcloud-api")
        .examples("«salad_cloud_user_%{b62:50}»", "the prefix salad_cloud_"),
    token("context7_key", &["ctx7sk-"], "ctx7sk-[0-9a-f-]{28,}")
        .source("Context7: API keys", "https://context7.com/docs")
        .examples("«ctx7sk-%{uuid}»", "the prefix ctx7sk-"),
    token("braintrust_key", &["bt-st-"], "bt-st-[A-Za-z0-9]{40,}")
        .source("Braintrust: API keys", "https://www.braintrust.dev/docs")
        .examples("«bt-st-%{b62:48}»", "the prefix bt-st-"),
    token("neptune_token", &["eyJhcGlfYWRkcmVzcyI6"], "eyJhcGlfYWRkcmVzcyI6[A-Za-z0-9+/]{40,}={0,2}")
        .source("Neptune: API tokens", "https://docs.neptune.ai/setup/setting_api_token/")
        .examples("«eyJhcGlfYWRkcmVzcyI6%{b62:120}==»", "the prefix eyJhcGlfYWRkcmVzcyI6"),
    token("openai_key", &["sess-"], "sess-[A-Za-z0-9]{40}")
        .source("OpenAI API: authentication", "https://platform.openai.com/docs/api-reference/authentication")
        .check(Check::Random)
        .examples("«sess-%{b62:40}»", "the prefix sess-"),
];
