//! Code hosts, build services, registries and tools for developers.

use crate::exporter::batch::redact::rule::{Check, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("buildkite_token", &["bkua_", "bkaa_", "bkaj_", "bkar_", "bkct_", "bkpt_", "bkpat_", "bkps_"], "bk(?:ua|aa|aj|ar|ct|pt|pat|ps)_[A-Za-z0-9_-]{30,}")
        .source("Buildkite: API access tokens", "https://buildkite.com/docs/apis/managing-api-tokens")
        .examples("«bkua_%{hex:40}»", "the prefix bkua_"),
    token("circleci_token", &["CCIPAT_", "CCIPRJ_"], "CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}")
        .source("CircleCI: API tokens", "https://circleci.com/docs/managing-api-tokens/")
        .examples("«CCIPAT_%{b62:22}_%{hex:40}»", "the prefix CCIPAT_"),
    token("vercel_token", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], "vc[piark]_[A-Za-z0-9_-]{24,60}")
        .source("Vercel: access tokens", "https://vercel.com/docs/sign-in-with-vercel/tokens")
        .examples("«vcp_%{b62:56}»", "the prefix vcp_"),
    token("sourcegraph_token", &["sgp_"], "sgp_(?:(?:[0-9A-Za-z]{16}|local)_)?[0-9A-Za-z]{40,64}")
        .source("Sourcegraph: access tokens", "https://sourcegraph.com/docs/cli/how-tos/creating-an-access-token")
        .examples("«sgp_%{hex:16}_%{hex:40}»", "the prefix sgp_"),
    token("nuget_key", &["oy2"], "oy2[a-z0-9]{43}")
        .source("NuGet: API keys", "https://learn.microsoft.com/nuget/nuget-org/scoped-api-keys")
        .examples("«oy2%{b36:43}»", "the prefix oy2"),
    token("artifactory_token", &["AKCp", "cmVmd"], "(?:AKCp[A-Za-z0-9]{60,72}|cmVmd[A-Za-z0-9]{55,64})")
        .source("JFrog: authentication", "https://jfrog.com/help/r/jfrog-platform-administration-documentation/authentication")
        .examples("«AKCp8%{b62:68}»", "the prefix AKCp"),
    token("clojars_token", &["CLOJARS_"], "CLOJARS_[A-Za-z0-9]{50,64}")
        .source("Clojars: deploy tokens", "https://github.com/clojars/clojars-web/wiki/Deploy-Tokens")
        .examples("«CLOJARS_%{hex:60}»", "the prefix CLOJARS_"),
    token("packagist_token", &["packagist_"], "packagist_(?:ort|out|acs|ack|uut|urt)_[0-9a-f]{28,100}")
        .source("Private Packagist: authentication tokens", "https://packagist.com/docs/composer-authentication")
        .examples("«packagist_ort_%{hex:68}»", "the prefix packagist_"),
    token("cloudsmith_key", &["csa_"], "csa_[0-9a-f]{30}[A-Za-z0-9]{6}")
        .source("Cloudsmith: API key", "https://help.cloudsmith.io/docs/api-key")
        .examples("«csa_%{hex:30}%{b62:6}»", "the prefix csa_"),
    token("octopus_key", &["API-"], "API-[A-Z0-9]{25,34}")
        .source("Octopus Deploy: API keys", "https://octopus.com/docs/octopus-rest-api/how-to-create-an-api-key")
        .examples("«API-%{B36:26}»", "the prefix API-"),
    token("harness_key", &["pat.", "sat."], r"[ps]at\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}")
        .source("Harness: API keys", "https://developer.harness.io/docs/platform/automation/api/add-and-manage-api-keys/")
        .examples("«pat.%{b64url:22}.%{hex:24}.%{b62:20}»", "the prefix pat."),
    token("openshift_token", &["sha256~"], "sha256~[A-Za-z0-9_-]{43}")
        .source("OpenShift: OAuth access tokens", "https://docs.openshift.com/container-platform/latest/authentication/managing-oauth-access-tokens.html")
        .examples("«sha256~%{b64url:43}»", "the prefix sha256~"),
    token("swarm_token", &["SWMTKN-1-", "SWMKEY-1-"], "SWM(?:TKN-1-[a-z0-9]{45,60}-[a-z0-9]{20,30}|KEY-1-[A-Za-z0-9+/]{40,50})")
        .source("Docker: join tokens of a swarm", "https://docs.docker.com/engine/swarm/join-nodes/")
        .examples("«SWMTKN-1-%{b36:50}-%{b36:25}»", "the prefix SWMTKN-1-"),
    token("prefect_key", &["pnu_", "pnb_"], "pn[ub]_[A-Za-z0-9]{36}")
        .source("Prefect: API keys", "https://docs.prefect.io/v3/how-to-guides/cloud/manage-users/api-keys")
        .examples("«pnu_%{b62:36}»", "the prefix pnu_"),
    token("readme_key", &["rdme_"], "rdme_[a-z0-9]{60,80}")
        .source("ReadMe: API keys", "https://docs.readme.com/main/reference/authentication")
        .examples("«rdme_%{b36:70}»", "the prefix rdme_"),
    token("render_key", &["rnd_"], "rnd_[A-Za-z0-9]{26,40}")
        .source("Render: API", "https://render.com/docs/api")
        .examples("«rnd_%{b62:32}»", "the prefix rnd_"),
    token("neon_key", &["napi_"], "napi_[A-Za-z0-9]{40,70}")
        .source("Neon: API keys", "https://neon.com/docs/manage/api-keys")
        .examples("«napi_%{b62:64}»", "the prefix napi_"),
    token("netlify_token", &["nfp_", "nfc_", "nfo_", "nfu_", "nfb_"], "nf[pcoub]_[A-Za-z0-9]{36}")
        .source("Netlify: access tokens", "https://docs.netlify.com/api/get-started/")
        .examples("«nfp_%{b62:36}»", "the prefix nfp_"),
    token("posthog_key", &["phx_", "phc_", "phs_"], "ph[xcs]_[A-Za-z0-9_-]{32,52}")
        .source("PostHog: personal API keys", "https://posthog.com/docs/api")
        .examples("«phx_%{b62:43}»", "the prefix phx_"),
    token("deno_token", &["ddp_", "ddo_"], "dd[po]_[A-Za-z0-9]{36}")
        .source("Deno Deploy: access tokens", "https://docs.deno.com/subhosting/api/authentication/")
        .examples("«ddp_%{b62:36}»", "the prefix ddp_"),
    token("fly_token", &["FlyV1", "fm1r_", "fm1a_", "fm2_", "fo1_"], "(?:FlyV1 )?(?:fm1r_|fm1a_|fm2_|fo1_)[A-Za-z0-9_+/=,-]{40,}")
        .source("Fly.io: access tokens", "https://fly.io/docs/security/tokens/")
        .examples("«fm2_%{b62:120}»", "the prefix FlyV1"),
    token("snyk_token", &["snyk_"], r"snyk_[us]at\.[0-9a-f]{8}\.[A-Za-z0-9_-]{60,}")
        .source("Snyk: authentication for API", "https://docs.snyk.io/snyk-api/authentication-for-api")
        .examples("«snyk_uat.%{hex:8}.%{b64url:200}»", "the prefix snyk_"),
    token("sonar_token", &["sqp_", "squ_", "sqa_"], "sq[pua]_[0-9a-f]{40}")
        .source("SonarQube: tokens", "https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens")
        .examples("«squ_%{hex:40}»", "the prefix sqp_"),
    token("infracost_key", &["ico-"], "ico-[A-Za-z0-9]{32}")
        .source("Infracost: API key", "https://www.infracost.io/docs/")
        .examples("«ico-%{b62:32}»", "the prefix ico-"),
    token("infisical_token", &["st."], r"st\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}")
        .source("Infisical: service tokens", "https://infisical.com/docs/documentation/platform/token")
        .examples("«st.%{hex:24}.%{hex:32}.%{hex:32}»", "the prefix st."),
    token("bitwarden_token", &["0."], r"0\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[A-Za-z0-9]{30}:[A-Za-z0-9+/]{22}==")
        .source("Bitwarden: Secrets Manager access tokens", "https://bitwarden.com/help/access-tokens/")
        .examples("«0.%{uuid}.%{b62:30}:%{b62:22}==»", "the prefix 0."),
    token("onepassword_key", &["A3-"], "A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}")
        .source("1Password: Secret Key", "https://support.1password.com/secret-key-security/")
        .examples("«A3-%{B36:6}-%{B36:6}-%{B36:5}-%{B36:5}-%{B36:5}-%{B36:5}»", "the prefix A3-"),
    token("scalingo_token", &["tk-us-", "tk-eu-"], "tk-(?:us|eu)-[A-Za-z0-9_-]{40,56}")
        .source("Scalingo: API tokens", "https://doc.scalingo.com/platform/user-management/authentication/api-tokens")
        .examples("«tk-us-%{b62:48}»", "the prefix tk-us-"),
    token("inngest_key", &["signkey-"], "signkey-(?:prod|test|branch)-[0-9a-f]{32,64}")
        .source("Inngest: signing keys", "https://www.inngest.com/docs/platform/signing-keys")
        .examples("«signkey-prod-%{hex:64}»", "the prefix signkey-"),
    token("trigger_key", &["tr_"], "tr_(?:dev|prod|stg|preview|pat)_[A-Za-z0-9]{20,44}")
        .source("Trigger.dev: API keys", "https://trigger.dev/docs/apikeys")
        .examples("«tr_prod_%{b62:24}»", "the prefix tr_"),
    token("liveblocks_key", &["sk_prod_", "sk_dev_", "sk_sandbox_"], "sk_(?:prod|dev|sandbox)_[A-Za-z0-9_-]{24,}")
        .source("Liveblocks: API keys", "https://liveblocks.io/docs/authentication")
        .check(Check::Random)
        .examples("«sk_prod_%{b64url:60}»", "the prefix sk_prod_"),
    token("ionic_token", &["ion_"], "ion_[A-Za-z0-9]{42}")
        .source("Ionic Appflow: personal access tokens", "https://ionic.io/docs/appflow/personal-access-tokens")
        .examples("«ion_%{b62:42}»", "the prefix ion_"),
    token("mergify_key", &["mergify_application_key_"], "mergify_application_key_[A-Za-z0-9_-]{40,200}")
        .source("Mergify: API", "https://docs.mergify.com/api/usage/")
        .examples("«mergify_application_key_%{b64url:50}»", "the prefix mergify_application_key_"),
    token("unkey_key", &["unkey_"], "unkey_[A-Za-z0-9]{20,32}")
        .source("Unkey: root keys", "https://www.unkey.com/docs/security/root-keys")
        .check(Check::Random)
        .examples("«unkey_%{b62:24}»", "the prefix unkey_"),
    token("convex_key", &["convex_", "project:", "prod:", "dev:"], r"(?:prod|dev|project|preview):[a-z0-9:-]{4,60}\|(?P<secret>[A-Za-z0-9+/=_-]{40,})")
        .source("Convex: deploy keys", "https://docs.convex.dev/cli/deploy-key-types")
        .examples("prod:happy-animal-123|«%{b62:60}»", "the prefix convex_"),
    token("bitbucket_token", &["BBDC-"], "BBDC-[A-Za-z0-9+/=]{30,}")
        .source("Bitbucket Data Center: HTTP access tokens", "https://confluence.atlassian.com/bitbucketserver/http-access-tokens-939515499.html")
        .examples("«BBDC-%{b62:44}»", "the prefix BBDC-"),
    token("gitlab_cookie", &["_gitlab_session="], "_gitlab_session=(?P<secret>[0-9a-z]{32})")
        .source("GitLab: sessions", "https://docs.gitlab.com/security/tokens/")
        .examples("_gitlab_session=«%{hex:32}»", "the prefix _gitlab_session="),
    token("aikido_secret", &["AIK_CI_", "AIK_SECRET_"], "AIK_(?:CI|SECRET)_[A-Za-z0-9]{20,64}")
        .source("Aikido: API", "https://apidocs.aikido.dev")
        .examples("«AIK_SECRET_%{b62:64}»", "the prefix AIK_CI_"),
    token("endor_key", &["endr+"], r"endr\+[A-Za-z0-9-]{16}")
        .source("Endor Labs: API keys", "https://docs.endorlabs.com")
        .examples("«endr+%{b62:16}»", "the prefix endr+"),
    token("devcycle_key", &["dvc_"], "dvc_(?:server|client|mobile)_[A-Za-z0-9_]{12,48}")
        .source("DevCycle: SDK keys", "https://docs.devcycle.com")
        .check(Check::Random)
        .examples("«dvc_server_%{b62:20}»", "the prefix dvc_"),
    token("launchdarkly_key", &["sdk-", "mob-", "api-"], "(?:sdk|mob|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("LaunchDarkly: keys", "https://launchdarkly.com/docs/sdk/concepts/client-side-server-side")
        .examples("«sdk-%{uuid}»", "the prefix sdk-"),
    token("statsig_key", &["secret-"], "secret-[A-Za-z0-9_]{32,48}")
        .source("Statsig: server secret keys", "https://docs.statsig.com/access-management/projects")
        .check(Check::Random)
        .examples("«secret-%{b62:43}»", "the prefix secret-"),
    token("configcat_key", &["configcat-sdk-1/"], "configcat-sdk-1/[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}")
        .source("ConfigCat: SDK keys", "https://configcat.com/docs/sdk-reference/overview/")
        .examples("«configcat-sdk-1/%{b64url:22}/%{b64url:22}»", "the prefix configcat-sdk-1/"),
    token("rootly_key", &["rootly_"], "rootly_[0-9a-f]{64}")
        .source("Rootly: API", "https://docs.rootly.com/api-reference/overview")
        .examples("«rootly_%{hex:64}»", "the prefix rootly_"),
    token("zuplo_key", &["zpka_"], "zpka_[a-z0-9]{32}_[0-9a-f]{8}")
        .source("Zuplo: API key format", "https://zuplo.com/docs/articles/api-key-management")
        .examples("«zpka_%{b36:32}_%{hex:8}»", "the prefix zpka_"),
    token("valtown_token", &["vtwn_"], "vtwn_[A-Za-z0-9_-]{20,80}")
        .source("Val Town: API tokens", "https://docs.val.town/api/authentication/")
        .check(Check::Random)
        .examples("«vtwn_%{b62:27}»", "the prefix vtwn_"),
    token("wakatime_key", &["waka_"], "waka_[A-Za-z0-9-]{36,64}")
        .source("WakaTime: API", "https://wakatime.com/developers")
        .examples("«waka_%{uuid}»", "the prefix waka_"),
    token("thunderstore_token", &["tss_"], "tss_[A-Za-z0-9_-]{20,80}")
        .source("Thunderstore: API", "https://thunderstore.io/api/docs/")
        .check(Check::Random)
        .examples("«tss_%{b62:32}»", "the prefix tss_"),
    token("adafruit_key", &["aio_"], "aio_[A-Za-z0-9]{26,32}")
        .source("Adafruit IO: authentication", "https://io.adafruit.com/api/docs/#authentication")
        .examples("«aio_%{b62:28}»", "the prefix aio_"),
    token("postman_token", &["PMAT-"], "PMAT-[A-Z0-9a-z]{26}")
        .source("Postman: collection access keys", "https://learning.postman.com/docs/reference/postman-api/authentication/")
        .examples("«PMAT-%{B36:26}»", "the prefix PMAT-"),
    token("figma_oauth", &["figu_", "figo_", "figor_"], "fig(?:u|o|or)_[A-Za-z0-9_-]{38,48}")
        .source("Figma: authentication", "https://developers.figma.com/docs/rest-api/authentication/")
        .examples("«figu_%{b64url:40}»", "the prefix figu_"),
    token("contentful_token", &["CFPAT-"], "CFPAT-[A-Za-z0-9_-]{40,46}")
        .source("Contentful: personal access tokens", "https://www.contentful.com/developers/docs/references/authentication/")
        .examples("«CFPAT-%{b64url:43}»", "the prefix CFPAT-"),
    token("frameio_token", &["fio-u-"], "fio-u-[A-Za-z0-9_=-]{60,66}")
        .source("Frame.io: developer tokens", "https://developer.frame.io")
        .examples("«fio-u-%{b64url:64}»", "the prefix fio-u-"),
    token("lichess_token", &["lip_"], "lip_[A-Za-z0-9_]{16,60}")
        .source("Lichess: personal API tokens", "https://lichess.org/api#section/Introduction/Authentication")
        .check(Check::Random)
        .examples("«lip_%{b62:20}»", "the prefix lip_"),
    token("intra42_secret", &["s-s4t2"], "s-s4t2(?:ud|af)-[0-9a-f]{64}")
        .source("42: API", "https://api.intra.42.fr/apidoc/guides/getting_started")
        .examples("«s-s4t2ud-%{hex:64}»", "the prefix s-s4t2"),
    token("settlemint_token", &["sm_aat_", "sm_pat_", "sm_sat_"], "sm_[aps]at_[A-Za-z0-9]{16}")
        .source("SettleMint: access tokens", "https://console.settlemint.com/documentation")
        .examples("«sm_pat_%{b62:16}»", "the prefix sm_aat_"),
    token("asaas_token", &["$aact_"], r"\$aact_(?:prod|hmlg)_[A-Za-z0-9_-]{20,200}")
        .source("Asaas: authentication", "https://docs.asaas.com/docs/authentication-2")
        .examples("«$aact_prod_%{b62:60}»", "the prefix $aact_"),
    token("dnkey_token", &["dnkey-"], "dnkey-[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}")
        .source("Defined Networking: API keys", "https://docs.defined.net")
        .examples("«dnkey-%{b36:26}-%{b36:52}»", "the prefix dnkey-"),
    token("knock_key", &["knock_"], "knock_[A-Za-z0-9]{32,48}")
        .source("Knock: API keys", "https://docs.knock.app")
        .check(Check::Random)
        .examples("«knock_%{b62:40}»", "the prefix knock_"),
    token("cockroach_key", &["CCDB1_"], "CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}")
        .source("CockroachDB Cloud: service accounts", "https://www.cockroachlabs.com/docs/cockroachcloud/managing-access")
        .examples("«CCDB1_%{b62:22}_%{b62:40}»", "the prefix CCDB1_"),
];
