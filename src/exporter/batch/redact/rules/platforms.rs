//! Model providers, code hosts and clouds.

use crate::exporter::batch::redact::rule::{
    Boundary, Check, Documentation, Prefix, Rule, assign, b64, equals, slash, source, token,
};

const GITLAB: Documentation =
    source("GitLab token overview: token prefixes", "https://docs.gitlab.com/security/tokens/");
const AZURE_KEYS: Documentation =
    source("Azure identifiable keys", "https://github.com/microsoft/security-utilities/tree/main/docs");

const AWS_SECRET_NAMES: &[&str] = &[
    "ecret_access_key",
    "ECRET_ACCESS_KEY",
    "ecretAccessKey",
    "ecret-access-key",
    "ws_secret_key",
    "WS_SECRET_KEY",
];

/// A separator of words and values in most notations, also escaped.
macro_rules! separator {
    () => {
        r"(?:[^A-Za-z0-9+/]|\\+[nrt])"
    };
}

pub(super) static RULES: &[Rule] = &[
    token("anthropic_key", &["sk-ant-"], r"sk-ant-[A-Za-z0-9_-]{24,}")
        .source("Anthropic API: authentication", "https://docs.anthropic.com/en/api/overview")
        .examples("ANTHROPIC_API_KEY=«sk-ant-api03-%{b64url:93}AA»", "the prefix is sk-ant-api03-"),
    token(
        "openai_key",
        &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"],
        r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{24,}",
    )
    .source("OpenAI API: authentication", "https://platform.openai.com/docs/api-reference/authentication")
    .examples("openai.api_key = '«sk-proj-%{b64url:74}T3BlbkFJ%{b64url:74}»'", "a key like sk-proj-abc123"),
    token("openai_key", &["sk-"], r"sk-[A-Za-z0-9]{32,64}")
        .check(Check::Random)
        .source("OpenAI API: authentication", "https://platform.openai.com/docs/api-reference/authentication")
        .examples("«sk-%{b62:20}T3BlbkFJ%{b62:20}»", "<div class=\"sk-foldingcubebouncingdelaycirclewave\">"),
    token(
        "github_token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        concat!(r"gh[pousr]_[A-Za-z0-9_-]{36,}", r"(?:\.[A-Za-z0-9_-]{8,}){0,2}"),
    )
    .source(
        "GitHub: authentication token formats",
        "https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/",
    )
    .examples(
        "remote: https://x-access-token:«ghs_%{b62:36}»@github.com/acme/api",
        "tokens begin with ghp_ or gho_xxxx",
    ),
    token("github_token", &["github_pat_"], r"github_pat_[A-Za-z0-9_]{36,}")
        .source(
            "GitHub: authentication token formats",
            "https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/",
        )
        .examples("GH_TOKEN: «github_pat_%{b62:22}_%{b62:59}»", "let github_pat_prefix = \"github_pat_\";"),
    token(
        "gitlab_token",
        &[
            "glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-",
            "glsoat-", "gloas-", "glffct-", "glwt-",
        ],
        r"gl[a-z]{2,5}-[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_]{2,}){0,2}",
    )
    .documented(GITLAB)
    .examples("PRIVATE-TOKEN: «glpat-%{b64url:20}»", "prefixes: glpat- glrt- gldt-"),
    token("gitlab_token", &["GR1348941"], r"GR1348941[A-Za-z0-9_-]{20,}")
        .documented(GITLAB)
        .examples("gitlab-runner register -r «GR1348941%{b64url:20}»", "the prefix GR1348941 marks runners"),
    token("aws_access_key", &["AKIA", "ASIA", "ABIA", "ACCA"], r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}")
        .source(
            "AWS IAM identifiers: unique ID prefixes",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        )
        .examples("aws_access_key_id = «AKIA%{b32:16}»", "AKIAs are long-term, ASIA short-term keys"),
    // In the CSV of the console, and wherever else id and secret follow each other.
    token(
        "aws_secret_key",
        &["AKIA", "ASIA"],
        concat!(
            r"A[KS]IA[A-Z0-9]{16}",
            separator!(),
            "{1,12}(?:[A-Za-z_ ]{1,30}",
            separator!(),
            "{1,12})?(?P<secret>",
            b64!(),
            r"{40})"
        ),
    )
    .check(Check::Random)
    .source(
        "AWS IAM: access keys",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    )
    .examples("alice,«AKIA%{b32:16}»,«%{b64:40}»", "AKIA and the secret"),
    token(
        "aws_secret_key",
        AWS_SECRET_NAMES,
        concat!(
            r"(?i)(?:s?ecret[_-]?access[_-]?key|ws_secret_key)(?:[ \t]{1,4}|",
            assign!(),
            ")(?P<secret>",
            b64!(),
            "{40})"
        ),
    )
    .boundary(Boundary::Anything)
    .source(
        "AWS CLI: configuration and credential files",
        "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
    )
    .examples("  \"SecretAccessKey\": \"«%{b64:40}»\"", "aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}"),
    token(
        "aws_session_token",
        &["FwoGZXIvYXdz", "FQoGZXIvYXdz", "IQoJb3JpZ2lu"],
        concat!("[FI][wQ]o[GJ]", b64!(), "{60,}", equals!(), "{0,2}"),
    )
    .source(
        "AWS STS: temporary credentials",
        "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html",
    )
    .examples("AWS_SESSION_TOKEN=«IQoJb3JpZ2lu%{b64:340}»", "begins with IQoJb3JpZ2lu"),
    token("aws_bedrock_key", &["ABSK"], concat!("ABSK", b64!(), "{80,}", equals!(), "{0,2}"))
        .source(
            "Amazon Bedrock API keys",
            "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        )
        .examples("AWS_BEARER_TOKEN_BEDROCK=«ABSK%{b64:128}»", "ABSK is the prefix"),
    token("google_api_key", &["AIza"], r"AIza[A-Za-z0-9_-]{35}")
        .source("Google Cloud: API keys", "https://cloud.google.com/docs/authentication/api-keys")
        .examples(
            "https://maps.googleapis.com/maps/api/js?key=«AIza%{b64url:35}»&v=3",
            "keys begin with AIzaSy",
        ),
    token("google_oauth", &["GOCSPX-"], r"GOCSPX-[A-Za-z0-9_-]{28}")
        .source("Google: setting up OAuth 2.0", "https://support.google.com/cloud/answer/6158849")
        .examples("\"client_secret\":\"«GOCSPX-%{b64url:28}»\"", "GOCSPX-your-secret"),
    token("google_oauth", &["ya29."], r"ya29\.[A-Za-z0-9_-]{20,}")
        .source(
            "Google: OAuth 2.0 for web servers",
            "https://developers.google.com/identity/protocols/oauth2/web-server",
        )
        .examples("access token «ya29.%{b64url:160}»", "play ya29.mp3"),
    token(
        "google_oauth",
        &["1//0", r"1\/\/0", r"1\\/\\/0"],
        concat!(r"1", slash!(), "{2}0[A-Za-z0-9_-]{30,}"),
    )
    .source(
        "Google: OAuth 2.0 for web servers",
        "https://developers.google.com/identity/protocols/oauth2/web-server",
    )
    .examples("\"refresh_token\": \"«1//0%{b64url:96}»\"", "return 1//0x10"),
    token(
        "azure_storage_key",
        &["AccountKey", "accountkey", "SharedAccessKey", "sharedaccesskey"],
        concat!(
            "(?i)(?:Account|SharedAccess)Key",
            equals!(),
            "(?P<secret>",
            b64!(),
            "{40,}",
            equals!(),
            "{0,2})"
        ),
    )
    .boundary(Boundary::Anything)
    .source(
        "Azure Storage: configure connection strings",
        "https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string",
    )
    .examples(
        "AccountName=acme;AccountKey=«%{b64:86}==»;EndpointSuffix=core.windows.net",
        "AccountName=acme;AccountKey=<account-key>",
    ),
    // The output of `az storage account keys list`: the name of a key, its permissions, the key.
    token(
        "azure_storage_key",
        &["keyName"],
        concat!(
            "keyName",
            separator!(),
            "{1,16}key[12]",
            separator!(),
            "{1,60}(?:permissions",
            separator!(),
            "{1,16}[A-Za-z]{1,8}",
            separator!(),
            "{1,60})?value",
            separator!(),
            "{1,16}(?P<secret>",
            b64!(),
            "{86}",
            equals!(),
            "{2})"
        ),
    )
    .boundary(Boundary::Anything)
    .source(
        "Azure CLI: az storage account keys",
        "https://learn.microsoft.com/cli/azure/storage/account/keys",
    )
    .examples(
        "{ \"keyName\": \"key1\", \"permissions\": \"FULL\", \"value\": \"«%{b64:86}==»\" }",
        "{ \"keyName\": \"key1\", \"permissions\": \"FULL\" }",
    ),
    token(
        "azure_key",
        &["+ASt", "ACDb", "+ABa"],
        concat!(b64!(), "{76}(?:\\+ASt|ACDb|\\+ABa)[A-Za-z0-9+/]{6}=="),
    )
    .prefix(Prefix::Bytes(76))
    .documented(AZURE_KEYS)
    .examples("key: «%{b62:76}+ASt%{b62:6}==»", "a+ASt"),
    token(
        "azure_key",
        &["AzSe", "AzFu"],
        r"[A-Za-z0-9_-]{42,44}(?:AzSe[A-Za-z0-9]{6}|AzFu[A-Za-z0-9_-]{5}[AQgw]==)",
    )
    .prefix(Prefix::Bytes(42))
    .documented(AZURE_KEYS)
    .examples("api-key: «%{b62:42}AzSe%{b62:6}»", "AzSearch"),
    token("azure_key", &["JQQJ9"], r"[A-Za-z0-9]{52}JQQJ9[A-Z0-9][A-Za-z0-9]{20,40}={0,2}")
        .prefix(Prefix::Bytes(52))
        .documented(AZURE_KEYS)
        .examples("AZURE_OPENAI_KEY «%{b62:52}JQQJ99%{b62:26}»", "JQQJ99"),
    token("azure_devops_token", &["AZDO"], r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}")
        .prefix(Prefix::Bytes(76))
        .source(
            "Microsoft Purview: Azure DevOps personal access token",
            "https://learn.microsoft.com/purview/sit-defn-azure-devops-personal-access-token",
        )
        .examples("export AZURE_DEVOPS_EXT_PAT=«%{b62:76}AZDO%{b62:4}»", "AZDO_PAT"),
    token("azure_client_secret", &["Q~"], r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}")
        .token_chars(31)
        .prefix(Prefix::Bytes(4))
        .source(
            "Microsoft Purview: Microsoft Entra client secret",
            "https://learn.microsoft.com/purview/sit-defn-azure-ad-client-secret",
        )
        .examples("--client-secret «%{b62:3}8Q~%{b62:34}»", "see 8Q~10Q"),
    token(
        "azure_sas",
        &["sig=", r"sig\u003d", r"sig\u003D"],
        concat!("sig", equals!(), r"(?P<secret>(?:[A-Za-z0-9+/]|%[0-9A-Fa-f]{2}|\\+/){40,}=?)"),
    )
    .source(
        "Azure Storage: service SAS",
        "https://learn.microsoft.com/rest/api/storageservices/create-service-sas",
    )
    .examples(
        "?sv=2023-11-03&se=2025-01-01T00%3A00%3A00Z&sr=b&sp=r&sig=«%{b62:43}%3D»",
        "gpg --sig=detached",
    ),
    token("cloudflare_token", &["cfk_", "cfut_", "cfat_"], r"cf(?:k|ut|at)_[A-Za-z0-9_-]{40,}")
        .source(
            "Cloudflare: token formats",
            "https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/",
        )
        .examples("CLOUDFLARE_API_TOKEN=«cfut_%{b62:40}%{hex:8}»", "cfut_ and cfat_ are prefixes"),
    token("cloudflare_token", &["v1.0-"], r"v1\.0-[0-9a-f]{24}-[0-9a-f]{140,150}")
        .source(
            "Cloudflare: Origin CA keys",
            "https://developers.cloudflare.com/fundamentals/api/get-started/ca-keys/",
        )
        .examples("X-Auth-User-Service-Key: «v1.0-%{hex:24}-%{hex:146}»", "tag v1.0-beta"),
    token(
        "cloudflare_token",
        &["cf_", "cloudflare_", "cf-", "cloudflare-", "x-auth-key"],
        concat!(
            r"(?i)(?:(?:cf|cloudflare)[_-](?:(?:api|global|account|zone|dns|r2)[_-])*",
            "(?:token|key)|x-auth-key)",
            assign!(),
            "(?P<secret>[A-Za-z0-9_-]{37,45})"
        ),
    )
    .any_case()
    .boundary(Boundary::Anything)
    .check(Check::Random)
    .source(
        "Cloudflare: token formats",
        "https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/",
    )
    .examples("CF_API_TOKEN=«%{b62:40}»", "CF_API_TOKEN=${{ secrets.CF_API_TOKEN }}"),
    token("digitalocean_token", &["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[0-9a-f]{64}")
        .source(
            "DigitalOcean API: token prefixes",
            "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
        )
        .examples("doctl auth init -t «dop_v1_%{hex:64}»", "dop_v1_ is the prefix"),
    token("databricks_token", &["dapi", "dose"], r"d(?:api|ose)[0-9a-f]{32}(?:-[0-9]{1,2})?")
        .source("Databricks: personal access tokens", "https://docs.databricks.com/dev-tools/auth/pat.html")
        .examples("token = «dapi%{hex:32}»", "dapid and dosed"),
    token("huggingface_token", &["hf_", "api_org_"], r"(?:hf|api_org)_[A-Za-z0-9]{30,40}")
        .token_chars(30)
        .source("Hugging Face: user access tokens", "https://huggingface.co/docs/hub/security-tokens")
        .examples("HF_TOKEN=«hf_%{b62:34}»", "hf_hub_download(repo_id)"),
    token("vault_token", &["hvs.", "hvb.", "hvr."], r"hv[sbr]\.[A-Za-z0-9_-]{20,}")
        .source("HashiCorp Vault: tokens", "https://developer.hashicorp.com/vault/docs/concepts/tokens")
        .examples("token    «hvs.%{b62:24}»", "hvs. is for service tokens"),
    token("terraform_token", &[".atlasv1."], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}")
        .prefix(Prefix::Bytes(14))
        .source(
            "HCP Terraform: API tokens",
            "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
        )
        .examples("\"token\": \"«%{b62:14}.atlasv1.%{b62:67}»\"", "v1.atlasv1.tf"),
];
