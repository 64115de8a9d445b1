//! Code hosts, build services, registries and tools for developers.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("buildkite_token", &["bkua_", "bkaa_", "bkaj_", "bkar_", "bkct_", "bkpt_", "bkpat_", "bkps_"], "bk(?:ua|aa|aj|ar|ct|pt|pat|ps)_[A-Za-z0-9_-]{30,}")
        .source("Buildkite: API access tokens", "https://buildkite.com/docs/apis/managing-api-tokens")
        .examples("«bkua_%{hex:40}»", "the prefix bkua_"),
    token("circleci_token", &["CCIPAT_", "CCIPRJ_"], "CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}")
        .source("CircleCI: API tokens", "https://circleci.com/docs/managing-api-tokens/")
        .examples("«CCIPAT_%{b62:22}_%{hex:40}»", "the prefix CCIPAT_"),
    token("vercel_token", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], "vc[piark]_[A-Za-z0-9_-]{21,}")
        .source("Vercel: access tokens", "https://vercel.com/docs/sign-in-with-vercel/tokens")
        .examples("«vcp_%{b62:56}»", "the prefix vcp_"),
    token("sourcegraph_token", &["sgp_"], "sgp_(?:(?:[0-9A-Za-z]{16}|local)_)?[0-9A-Za-z]{35,}")
        .source("Sourcegraph: access tokens", "https://sourcegraph.com/docs/cli/how-tos/creating-an-access-token")
        .examples("«sgp_%{hex:16}_%{hex:40}»", "the prefix sgp_"),
    token("nuget_key", &["oy2"], "oy2[a-z0-9]{43}")
        .source("NuGet: API keys", "https://learn.microsoft.com/nuget/nuget-org/scoped-api-keys")
        .examples("«oy2%{b36:43}»", "the prefix oy2"),
    token("artifactory_token", &["AKCp", "cmVmd"], "(?:AKCp[A-Za-z0-9]{60,72}|cmVmd[A-Za-z0-9]{55,64})")
        .source("JFrog: authentication", "https://jfrog.com/help/r/jfrog-platform-administration-documentation/authentication")
        .examples("«AKCp8%{b62:68}»", "the prefix AKCp"),
    token("clojars_token", &["CLOJARS_"], "CLOJARS_[A-Za-z0-9]{44,}")
        .source("Clojars: deploy tokens", "https://github.com/clojars/clojars-web/wiki/Deploy-Tokens")
        .examples("«CLOJARS_%{hex:60}»", "the prefix CLOJARS_"),
    token("packagist_token", &["packagist_"], "packagist_[a-z]{3}_[0-9a-f]{28,}")
        .source("Private Packagist: authentication tokens", "https://packagist.com/docs/composer-authentication")
        .examples("«packagist_ort_%{hex:68}»", "the prefix packagist_"),
    token("cloudsmith_key", &["csa_"], "csa_[0-9a-f]{30}[A-Za-z0-9]{6}")
        .source("Cloudsmith: API key", "https://help.cloudsmith.io/docs/api-key")
        .examples("«csa_%{hex:30}%{b62:6}»", "the prefix csa_"),
    token("octopus_key", &["API-"], "API-[A-Z0-9]{22,}")
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
    token("readme_key", &["rdme_"], "rdme_[a-z0-9]{53,}")
        .source("ReadMe: API keys", "https://docs.readme.com/main/reference/authentication")
        .examples("«rdme_%{b36:70}»", "the prefix rdme_"),
    token("render_key", &["rnd_"], "rnd_[A-Za-z0-9]{23,}")
        .source("Render: API", "https://render.com/docs/api")
        .examples("«rnd_%{b62:32}»", "the prefix rnd_"),
    token("neon_key", &["napi_"], "napi_[A-Za-z0-9]{35,}")
        .source("Neon: API keys", "https://neon.com/docs/manage/api-keys")
        .examples("«napi_%{b62:64}»", "the prefix napi_"),
    token("netlify_token", &["nfp_", "nfc_", "nfo_", "nfu_", "nfb_"], "nf[pcoub]_[A-Za-z0-9]{32,}")
        .source("Netlify: access tokens", "https://docs.netlify.com/api/get-started/")
        .examples("«nfp_%{b62:36}»", "the prefix nfp_"),
    token("posthog_key", &["phx_", "phc_", "phs_"], "ph[xcs]_[A-Za-z0-9_-]{28,}")
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
    token("scalingo_token", &["tk-us-", "tk-eu-"], "tk-(?:us|eu)-[A-Za-z0-9_-]{35,}")
        .source("Scalingo: API tokens", "https://doc.scalingo.com/platform/user-management/authentication/api-tokens")
        .examples("«tk-us-%{b62:48}»", "the prefix tk-us-"),
    token("inngest_key", &["signkey-"], "signkey-(?:prod|test|branch)-[0-9a-f]{28,}")
        .source("Inngest: signing keys", "https://www.inngest.com/docs/platform/signing-keys")
        .examples("«signkey-prod-%{hex:64}»", "the prefix signkey-"),
    token("trigger_key", &["tr_"], "tr_(?:dev|prod|stg|preview|pat)_[A-Za-z0-9]{18,}")
        .source("Trigger.dev: API keys", "https://trigger.dev/docs/apikeys")
        .examples("«tr_prod_%{b62:24}»", "the prefix tr_"),
    token("liveblocks_key", &["sk_prod_", "sk_dev_", "sk_sandbox_"], "sk_(?:prod|dev|sandbox)_[A-Za-z0-9_-]{24,}")
        .source("Liveblocks: API keys", "https://liveblocks.io/docs/authentication")
        .check(Check::Random)
        .examples("«sk_prod_%{b64url:60}»", "the prefix sk_prod_"),
    token("ionic_token", &["ion_"], "ion_[A-Za-z0-9]{42}")
        .source("Ionic Appflow: personal access tokens", "https://ionic.io/docs/appflow/personal-access-tokens")
        .examples("«ion_%{b62:42}»", "the prefix ion_"),
    token("mergify_key", &["mergify_application_key_"], "mergify_application_key_[A-Za-z0-9_-]{35,}")
        .source("Mergify: API", "https://docs.mergify.com/api/usage/")
        .examples("«mergify_application_key_%{b64url:50}»", "the prefix mergify_application_key_"),
    token("unkey_key", &["unkey_"], "unkey_[A-Za-z0-9]{18,}")
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
    token("aikido_secret", &["AIK_CI_", "AIK_SECRET_"], "AIK_(?:CI|SECRET)_[A-Za-z0-9]{18,}")
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
    token("statsig_key", &["secret-"], "secret-[A-Za-z0-9_]{28,}")
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
    token("valtown_token", &["vtwn_"], "vtwn_[A-Za-z0-9_-]{18,}")
        .source("Val Town: API tokens", "https://docs.val.town/api/authentication/")
        .check(Check::Random)
        .examples("«vtwn_%{b62:27}»", "the prefix vtwn_"),
    token("wakatime_key", &["waka_"], "waka_[A-Za-z0-9-]{32,}")
        .source("WakaTime: API", "https://wakatime.com/developers")
        .examples("«waka_%{uuid}»", "the prefix waka_"),
    token("thunderstore_token", &["tss_"], "tss_[A-Za-z0-9_-]{18,}")
        .source("Thunderstore: API", "https://thunderstore.io/api/docs/")
        .check(Check::Random)
        .examples("«tss_%{b62:32}»", "the prefix tss_"),
    token("adafruit_key", &["aio_"], "aio_[A-Za-z0-9]{23,}")
        .source("Adafruit IO: authentication", "https://io.adafruit.com/api/docs/#authentication")
        .examples("«aio_%{b62:28}»", "the prefix aio_"),
    token("postman_token", &["PMAT-"], "PMAT-[A-Z0-9a-z]{26}")
        .source("Postman: collection access keys", "https://learning.postman.com/docs/reference/postman-api/authentication/")
        .examples("«PMAT-%{B36:26}»", "the prefix PMAT-"),
    token("contentful_token", &["CFPAT-"], "CFPAT-[A-Za-z0-9_-]{35,}")
        .source("Contentful: personal access tokens", "https://www.contentful.com/developers/docs/references/authentication/")
        .examples("«CFPAT-%{b64url:43}»", "the prefix CFPAT-"),
    token("frameio_token", &["fio-u-"], "fio-u-[A-Za-z0-9_=-]{53,}")
        .source("Frame.io: developer tokens", "https://developer.frame.io")
        .examples("«fio-u-%{b64url:64}»", "the prefix fio-u-"),
    token("lichess_token", &["lip_"], "lip_[A-Za-z0-9_]{14,}")
        .source("Lichess: personal API tokens", "https://lichess.org/api#section/Introduction/Authentication")
        .check(Check::Random)
        .examples("«lip_%{b62:20}»", "the prefix lip_"),
    token("intra42_secret", &["s-s4t2"], "s-s4t2(?:ud|af)-[0-9a-f]{64}")
        .source("42: API", "https://api.intra.42.fr/apidoc/guides/getting_started")
        .examples("«s-s4t2ud-%{hex:64}»", "the prefix s-s4t2"),
    token("settlemint_token", &["sm_aat_", "sm_pat_", "sm_sat_"], "sm_[aps]at_[A-Za-z0-9]{16}")
        .source("SettleMint: access tokens", "https://console.settlemint.com/documentation")
        .examples("«sm_pat_%{b62:16}»", "the prefix sm_aat_"),
    token("asaas_token", &["$aact_"], r"\$aact_(?:prod|hmlg)_[A-Za-z0-9_-]{18,}")
        .source("Asaas: authentication", "https://docs.asaas.com/docs/authentication-2")
        .examples("«$aact_prod_%{b62:60}»", "the prefix $aact_"),
    token("dnkey_token", &["dnkey-"], "dnkey-[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}")
        .source("Defined Networking: API keys", "https://docs.defined.net")
        .examples("«dnkey-%{b36:26}-%{b36:52}»", "the prefix dnkey-"),
    token("knock_key", &["knock_"], "knock_[A-Za-z0-9]{28,}")
        .source("Knock: API keys", "https://docs.knock.app")
        .check(Check::Random)
        .examples("«knock_%{b62:40}»", "the prefix knock_"),
    token("cockroach_key", &["CCDB1_"], "CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}")
        .source("CockroachDB Cloud: service accounts", "https://www.cockroachlabs.com/docs/cockroachcloud/managing-access")
        .examples("«CCDB1_%{b62:22}_%{b62:40}»", "the prefix CCDB1_"),
    token("jenkins_token", &["11"], "11[0-9a-f]{32}")
        .source("Jenkins: API tokens", "https://www.jenkins.io/doc/book/system-administration/authenticating-scripted-clients/")
        .check(Check::Random)
        .examples("«11%{hex:32}»", "the prefix 11"),
    token("codefresh_key", &["CF-"], "CF-[A-Za-z0-9_-]{27,}")
        .source("Codefresh: API keys", "https://codefresh.io/docs/docs/integrations/codefresh-api/")
        .check(Check::Random)
        .examples("«CF-%{b62:40}»", "the prefix CF-"),
    token("appveyor_token", &["v2."], r"v2\.[a-z0-9]{20}")
        .source("AppVeyor: API tokens", "https://www.appveyor.com/docs/api/")
        .check(Check::Random)
        .examples("«v2.%{b36:20}»", "the prefix v2."),
    token("sourcegraph_token", &["sgd_", "slk_", "sgs_", "sgph_"], "(?:sgd|slk|sgs|sgph)_(?:[0-9A-Za-z]{16}_)?[0-9a-f]{35,}")
        .source("Sourcegraph: access tokens", "https://sourcegraph.com/docs/cli/how-tos/creating-an-access-token")
        .examples("«slk_%{hex:64}»", "the prefix sgd_"),
    token("sourcegraph_token", &["sgamp_"], "sgamp_(?:user_)?[A-Za-z0-9_]{27,}")
        .source("Amp: access tokens", "https://ampcode.com/manual")
        .examples("«sgamp_user_%{b36:26}_%{hex:64}»", "the prefix sgamp_"),
    token("vercel_token", &["vercel_blob_rw_"], "vercel_blob_rw_[A-Za-z0-9]{12,20}_[A-Za-z0-9]{21,}")
        .source("Vercel Blob: tokens", "https://vercel.com/docs/vercel-blob")
        .examples("«vercel_blob_rw_%{b62:16}_%{b62:30}»", "the prefix vercel_blob_rw_"),
    token("turnstile_secret", &["0x4AAAAAAA"], "0x4AAAAAAA[A-Za-z0-9_-]{21,}")
        .source("Cloudflare Turnstile: secret keys", "https://developers.cloudflare.com/turnstile/get-started/")
        .examples("«0x4AAAAAAA%{b62:25}»", "the prefix 0x4AAAAAAA"),
    token("hcaptcha_secret", &["ES_"], "ES_[0-9a-f]{32}")
        .source("hCaptcha: secret keys", "https://docs.hcaptcha.com/")
        .examples("«ES_%{hex:32}»", "the prefix ES_"),
    token("linear_key", &["lin_wh_"], "lin_wh_[A-Za-z0-9]{21,}")
        .source("Linear: webhooks", "https://linear.app/developers/webhooks")
        .examples("«lin_wh_%{b62:32}»", "the prefix lin_wh_"),
    token("socket_token", &["sktsec_"], "sktsec_[A-Za-z0-9_-]{30,60}(?:_api)?")
        .source("Socket: API tokens", "https://docs.socket.dev/docs/api-keys")
        .examples("«sktsec_%{b62:43}_api»", "the prefix sktsec_"),
    token("stackhawk_key", &["hawk."], r"hawk\.[A-Za-z0-9_-]{16,24}\.[A-Za-z0-9_-]{14,}")
        .source("StackHawk: API keys", "https://docs.stackhawk.com/apidocs.html")
        .examples("«hawk.%{b62:20}.%{b62:20}»", "the prefix hawk."),
    token("veracode_key", &["vera01es-", "vera01ei-"], "vera01e[si]-[0-9a-f]{53,}")
        .source("Veracode: API credentials", "https://docs.veracode.com/r/c_api_credentials3")
        .examples("«vera01es-%{hex:128}»", "the prefix vera01es-"),
    token("dashlane_key", &["dls_"], "dls_[A-Za-z0-9]{12,24}_[A-Za-z0-9_-]{35,}")
        .source("Dashlane: service devices", "https://cli.dashlane.com/personal/authentication")
        .examples("«dls_%{B36:16}_%{b36:64}»", "the prefix dls_"),
    token("ory_token", &["ory_"], r"ory_(?:pat|at|rt|st|ac|wak|apikey|lo|oat)_[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]{20,})?")
        .check(Check::Random)
        .source("Ory: tokens", "https://www.ory.sh/docs/concepts/personal-access-token")
        .examples("«ory_pat_%{b62:32}»", "the prefix ory_"),
    token("permit_key", &["permit_key_"], "permit_key_[A-Za-z0-9]{53,}")
        .source("Permit.io: API keys", "https://docs.permit.io/overview/use-the-permit-api-and-sdk")
        .examples("«permit_key_%{b62:86}»", "the prefix permit_key_"),
    token("kong_token", &["kpat_", "spat_"], "[ks]pat_[A-Za-z0-9]{32,}")
        .source("Kong Konnect: access tokens", "https://developer.konghq.com/konnect-api/")
        .examples("«kpat_%{b62:46}»", "the prefix kpat_"),
    token("apollo_key", &["service:", "user:"], "(?:service|user:gh|user):[A-Za-z0-9._-]{3,60}:(?P<secret>[A-Za-z0-9_-]{22})")
        .source("Apollo GraphOS: API keys", "https://www.apollographql.com/docs/graphos/platform/access-management/api-keys")
        .check(Check::Random)
        .examples("service:acme-shop:«%{b62:22}»", "the prefix service:"),
    token("mintlify_key", &["mint_dsc_", "mint_"], "mint_(?:dsc_)?[A-Za-z0-9]{20,}")
        .source("Mintlify: API keys", "https://www.mintlify.com/docs/api/introduction")
        .check(Check::Random)
        .examples("«mint_dsc_%{b62:24}»", "the prefix mint_dsc_"),
    token("depot_token", &["depot_"], "depot_(?:user|project|org)_[0-9a-f]{53,}")
        .source("Depot: tokens", "https://depot.dev/docs/cli/authentication")
        .examples("«depot_org_%{hex:64}»", "the prefix depot_"),
    token("percy_token", &["web_", "app_", "auto_", "ss_", "generic_"], "(?:web|app|auto|ss|generic)_[0-9a-f]{64}")
        .token_chars(64)
        .boundary(Boundary::NoPath)
        .source("Percy: project tokens", "https://www.browserstack.com/docs/percy/get-started/project-token")
        .examples("«web_%{hex:64}»", "the prefix web_"),
    token("chromatic_token", &["chpt_"], "chpt_[0-9a-z]{12,40}")
        .source("Chromatic: project tokens", "https://www.chromatic.com/docs/cli/")
        .check(Check::Random)
        .examples("«chpt_%{b36:16}»", "the prefix chpt_"),
    token("jetbrains_token", &["perm:", "perm-"], r"perm[:-][A-Za-z0-9+/_-]{2,80}={0,2}\.[A-Za-z0-9+/_-]{2,80}={0,2}\.[A-Za-z0-9]{30}")
        .source("YouTrack: permanent tokens", "https://www.jetbrains.com/help/youtrack/devportal/Manage-Permanent-Token.html")
        .examples("«perm:%{b62:12}.%{b62:8}==.%{b62:30}»", "the prefix perm:"),
    token("authress_key", &["sc_", "ext_", "scauth_", "authress_"], r"(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{27,}")
        .token_chars(53)
        .source("Authress: service clients", "https://authress.io/knowledge-base/docs/authorization/service-clients/")
        .examples("«sc_%{b36:12}.%{b36:4}.acc-%{b36:12}.%{b62:64}»", "the prefix sc_"),
    token("phabricator_token", &["api-", "cli-"], "(?:api|cli)-[a-z0-9]{28}")
        .source("Phabricator: Conduit tokens", "https://we.phorge.it/book/phorge/article/conduit/")
        .check(Check::Random)
        .examples("«cli-%{b36:28}»", "the prefix api-"),
    token("weblate_token", &["wlu_", "wlp_"], "wl[up]_[A-Za-z0-9]{32,}")
        .source("Weblate: API tokens", "https://docs.weblate.org/en/latest/api.html")
        .examples("«wlu_%{b62:36}»", "the prefix wlu_"),
    token("transifex_token", &["1/"], "1/[0-9a-f]{40}")
        .boundary(Boundary::NoPath)
        .source("Transifex: API tokens", "https://developers.transifex.com/reference/api-authentication")
        .examples("«1/%{hex:40}»", "the prefix 1/"),
    token("appwrite_key", &["standard_"], "standard_[0-9a-f]{175,}")
        .source("Appwrite: API keys", "https://appwrite.io/docs/advanced/platform/api-keys")
        .examples("«standard_%{hex:256}»", "the prefix standard_"),
    token("ntfy_token", &["tk_"], "tk_[a-z0-9]{29}")
        .source("ntfy: access tokens", "https://docs.ntfy.sh/config/#access-tokens")
        .check(Check::Random)
        .examples("«tk_%{b36:29}»", "the prefix tk_"),
    token("localstack_token", &["ls-"], "ls-[A-Za-z0-9]{8}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{12,16}")
        .source("LocalStack: auth tokens", "https://docs.localstack.cloud/aws/getting-started/auth-token/")
        .examples("«ls-%{letter:7}%{digit:1}-%{letter:4}-%{letter:4}-%{digit:4}-%{letter:8}%{hex:4}»", "the prefix ls-"),
    token("jsr_token", &["jsrp_", "jsrd_", "jsrs_"], "jsr[pds]_[A-Za-z0-9]{32,}")
        .source("JSR: tokens", "https://jsr.io/docs/api")
        .examples("«jsrp_%{b62:40}»", "the prefix jsrp_"),
    token("deno_token", &["ddw_"], "ddw_[A-Za-z0-9]{32,}")
        .source("Deno Deploy: access tokens", "https://docs.deno.com/subhosting/api/authentication/")
        .examples("«ddw_%{b62:36}»", "the prefix ddw_"),
    token("buildkite_token", &["bkp_", "bkag_", "bkst_", "bkatr_", "bkcmt_", "bkt_"], "bk[a-z]{1,4}_[A-Za-z0-9_-]{30,}")
        .source("Buildkite: token security", "https://buildkite.com/docs/platform/security/tokens")
        .check(Check::Random)
        .examples("«bkt_%{b62:40}»", "the prefix bkp_"),
    token("gitpod_token", &["gitpod_pat_"], "gitpod_pat_[A-Za-z0-9._-]{35,}")
        .source("Gitpod: personal access tokens", "https://www.gitpod.io/docs/configure/user-settings/access-tokens")
        .examples("«gitpod_pat_%{b62:50}»", "the prefix gitpod_pat_"),
    token("codesandbox_token", &["csb_v1_"], "csb_v1_[A-Za-z0-9_-]{35,}")
        .source("CodeSandbox: API keys", "https://codesandbox.io/docs/sdk")
        .examples("«csb_v1_%{b62:43}»", "the prefix csb_v1_"),
    token("daytona_key", &["dtn_"], "dtn_[0-9a-f]{42,}")
        .source("Daytona: API keys", "https://www.daytona.io/docs/en/api-keys/")
        .examples("«dtn_%{hex:64}»", "the prefix dtn_"),
    token("gitea_token", &["gta_"], "gta_[A-Za-z0-9_-]{27,}")
        .source("Gitea: OAuth 2.0", "https://docs.gitea.com/development/oauth2-provider")
        .check(Check::Random)
        .examples("«gta_%{b62:40}»", "the prefix gta_"),
    token("unleash_token", &[":development.", ":production.", ":default.", ":test."], r"[A-Za-z0-9*_\[\]-]{0,32}:(?:development|production|default|test)\.(?P<secret>[0-9a-f]{56,64})")
        .boundary(Boundary::Anything)
        .source("Unleash: API tokens", "https://docs.getunleash.io/reference/api-tokens-and-client-keys")
        .examples("default:development.«%{hex:56}»", "the prefix :development."),
    token("flagsmith_key", &["ser."], r"ser\.[A-Za-z0-9]{18,}")
        .source("Flagsmith: server-side keys", "https://docs.flagsmith.com/clients/server-side")
        .check(Check::Random)
        .examples("«ser.%{b62:22}»", "the prefix ser."),
    token("statsig_key", &["console-"], "console-[A-Za-z0-9]{32,}")
        .source("Statsig: console API keys", "https://docs.statsig.com/console-api/introduction")
        .check(Check::Random)
        .examples("«console-%{b62:43}»", "the prefix console-"),
    token("posthog_key", &["pha_", "phr_", "phe_"], "ph[are]_[A-Za-z0-9_-]{28,}")
        .source("PostHog: OAuth tokens", "https://posthog.com/docs/api")
        .examples("«pha_%{b62:43}»", "the prefix pha_"),
    token("sanity_token", &["sk"], "sk[A-Za-z0-9]{78,220}")
        .source("Sanity: API tokens", "https://www.sanity.io/docs/content-lake/http-auth")
        .check(Check::Random)
        .examples("«sk%{b62:178}»", "the prefix sk"),
    token("pangea_token", &["pts_", "pci_", "pcl_"], "p(?:ts|ci|cl)_[a-z0-9]{32}")
        .source("Pangea: tokens", "https://pangea.cloud/docs/api/")
        .check(Check::Random)
        .examples("«pts_%{b36:32}»", "the prefix pts_"),
    token("hop_token", &["ptk_", "bearer_"], "(?:ptk|bearer)_[A-Za-z0-9]{27,}")
        .source("Hop: tokens", "https://docs.hop.io")
        .check(Check::Random)
        .examples("«ptk_%{b62:40}»", "the prefix ptk_"),
    token("chief_token", &["ctp_"], "ctp_[A-Za-z0-9]{27,}")
        .source("Chief Tools: personal tokens", "https://docs.chief.app")
        .check(Check::Random)
        .examples("«ctp_%{b62:36}»", "the prefix ctp_"),
    token("slack_token", &["xoxt-", "xoxn-", "xoxm-", "xoxv-", "xoxi-", "xoxl-"], "xox[a-z]-[A-Za-z0-9-]{16,}")
        .source("Slack: token types", "https://docs.slack.dev/authentication/tokens")
        .examples("«xoxt-%{digit:12}-%{b62:24}»", "the prefix xoxt-"),
    token("atlassian_token", &["ATSTT3", "ATOTT3", "ATPTT3", "ATATT3"], "AT[A-Z]TT3[A-Za-z0-9_=-]{28,}")
        .source("Atlassian: manage API tokens", "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/")
        .examples("«ATSTT3%{b62:170}=%{HEX:8}»", "the prefix ATSTT3"),
    token("dropbox_key", &["uat.", "rat."], r"[ur]at\.[A-Za-z0-9_-]{40,}")
        .source("Dropbox: OAuth", "https://developers.dropbox.com/oauth-guide")
        .check(Check::Random)
        .examples("«rat.%{b64url:60}»", "the prefix uat."),
    token("coderabbit_key", &["cr-"], "cr-[0-9a-f]{35,}")
        .boundary(Boundary::NoPath)
        .source("CodeRabbit: API keys", "https://docs.coderabbit.ai")
        .examples("«cr-%{hex:58}»", "the prefix cr-"),
    token("dependency_track_key", &["odt_"], "odt_(?:[A-Za-z0-9]{8}_)?[A-Za-z0-9]{32,}")
        .source("Dependency-Track: API keys", "https://docs.dependencytrack.org/integrations/rest-api/")
        .examples("«odt_%{b62:8}_%{b62:32}»", "the prefix odt_"),
    token("spectral_key", &["spu-", "spt-"], "sp[ut]-[a-z0-9]{32}")
        .source("Spectral: API keys", "https://guides.spectralops.io")
        .examples("«spu-%{b36:32}»", "the prefix spu-"),
    token("arcjet_key", &["ajkey_"], "ajkey_[a-z0-9]{22,}")
        .source("Arcjet: get started", "https://docs.arcjet.com/get-started")
        .examples("«ajkey_%{b36:26}»", "the prefix ajkey_"),
    token("dub_key", &["dub_"], "dub_[A-Za-z0-9]{24}")
        .source("Dub: API keys", "https://dub.co/docs/api-reference/tokens")
        .check(Check::Random)
        .examples("«dub_%{b62:24}»", "the prefix dub_"),
    token("dryrun_key", &["dryrunsec_"], "dryrunsec_[A-Za-z0-9]{28,}")
        .source("DryRun Security: API", "https://docs.dryrun.security")
        .examples("«dryrunsec_%{b62:32}»", "the prefix dryrunsec_"),
    token("nightfall_key", &["NF-"], "NF-[A-Za-z0-9]{32}")
        .source("Nightfall: API keys", "https://help.nightfall.ai/developer-api")
        .check(Check::Random)
        .examples("«NF-%{b62:32}»", "the prefix NF-"),
    token("openvsx_token", &["ovsxat_", "ovsxp_"], "ovsx(?:at|p)_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Open VSX: publishing extensions", "https://github.com/eclipse/openvsx/wiki/Publishing-Extensions")
        .examples("«ovsxat_%{uuid}»", "the prefix ovsxat_"),
    token("shortcut_token", &["sct_r", "sct_w"], "sct_[a-z]{1,4}_[A-Za-z0-9-]{1,60}_[A-Za-z0-9+/]{60,}={0,2}")
        .source("Shortcut: API tokens", "https://help.shortcut.com/hc/en-us/articles/205701199-Shortcut-API-Tokens")
        .examples("«sct_rw_acme_%{b62:140}»", "the prefix sct_rw_"),
    token("testkube_token", &["tkcapi_"], "tkcapi_[a-z0-9]{24,}")
        .source("Testkube: API tokens", "https://docs.testkube.io/testkube-pro/articles/organization-management")
        .examples("«tkcapi_%{b36:30}»", "the prefix tkcapi_"),
    token("tolgee_key", &["tgpak_", "tgpat_"], "tgpa[kt]_[a-z0-9]{36,}")
        .source("Tolgee: API keys and PAT tokens", "https://docs.tolgee.io/platform/account_settings/api_keys_and_pat_tokens")
        .examples("«tgpak_%{b36:50}»", "the prefix tgpak_"),
    token("builder_key", &["bpk-"], "bpk-[0-9a-f]{32}")
        .source("Builder.io: private keys", "https://www.builder.io/c/docs/using-your-api-key")
        .examples("«bpk-%{hex:32}»", "the prefix bpk-"),
    token("appsweep_key", &["gs_appsweep_"], "gs_appsweep_[A-Za-z0-9]{24,}")
        .source("AppSweep: API keys", "https://help.guardsquare.com")
        .examples("«gs_appsweep_%{b62:32}»", "the prefix gs_appsweep_"),
    token("onepassword_key", &["1PRK-"], "1PRK(?:-[A-Z0-9]{4}){13}")
        .source("1Password: recovery codes", "https://support.1password.com/recovery-codes/")
        .examples("«1PRK-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}-%{B36:4}»", "the prefix 1PRK-"),
    token("age_key", &["AGE-SECRET-KEY-PQ-1", "AGE-PLUGIN-"], "AGE-(?:SECRET-KEY-PQ|PLUGIN-[A-Z0-9]{1,20})-1[A-Z0-9]{40,}")
        .source("age: identities", "https://github.com/FiloSottile/age")
        .examples("«AGE-SECRET-KEY-PQ-1%{B36:70}»", "the prefix AGE-SECRET-KEY-PQ-1"),
    token("tableau_token", &["==:"], "[A-Za-z0-9+/]{22}==:[A-Za-z0-9]{32}")
        .token_chars(32)
        .prefix(Prefix::Bytes(22))
        .source("Tableau: personal access tokens", "https://help.tableau.com/current/server/en-us/security_personal_access_tokens.htm")
        .examples("«%{b62:22}==:%{b62:32}»", "a==:b"),
    token("rapidapi_key", &["msh"], "[a-z0-9]{10}msh[a-z0-9]{15}p1[a-z0-9]{6}jsn[a-z0-9]{12}")
        .token_chars(38)
        .prefix(Prefix::Bytes(10))
        .source("RapidAPI: API keys", "https://docs.rapidapi.com/docs/keys-and-key-rotation")
        .examples("«%{hex:10}msh%{hex:15}p1%{hex:6}jsn%{hex:12}»", "the mesh"),
    token("headscale_key", &["hskey-"], "hskey-[a-z]{3,8}-[A-Za-z0-9_-]{12,16}-[A-Za-z0-9_-]{40,}")
        .source("Headscale: keys", "https://headscale.net/stable/ref/api/")
        .examples("«hskey-auth-%{b62:12}-%{b62:64}»", "the prefix hskey-"),
    token("matrix_token", &["syt_", "syr_", "syl_"], "sy[trl]_[A-Za-z0-9=_-]{1,80}_[A-Za-z]{20}_[A-Za-z0-9]{6}")
        .source("Synapse: access tokens", "https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html")
        .examples("«syt_%{b62:8}_%{letter:20}_%{b62:6}»", "the prefix syt_"),
    token("matrix_token", &["mat_", "mar_", "mct_"], "m(?:at|ar|ct)_[A-Za-z0-9]{30}_[A-Za-z0-9]{6}")
        .source("Matrix Authentication Service: tokens", "https://element-hq.github.io/matrix-authentication-service/")
        .examples("«mat_%{b62:30}_%{b62:6}»", "the prefix mat_"),
    token("webex_token", &["_PF84_", "_P0A1_", "_PC75_", "_PE93_"], "[A-Za-z0-9_-]{64}_P[A-Z0-9]{3}_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .prefix(Prefix::Bytes(64))
        .source("Webex: access tokens", "https://developer.webex.com/docs/getting-your-personal-access-token")
        .examples("«%{b62:64}_PF84_%{uuid}»", "a_PF84_b"),
    token("atlassian_token", &["ATCO"], "ATCO[A-Za-z0-9_-]{58,}")
        .source("Atlassian: OAuth 2.0 apps", "https://developer.atlassian.com/cloud/oauth/getting-started/managing-oauth-apps/")
        .check(Check::Random)
        .examples("«ATCO%{b62:60}»", "the prefix ATCO"),
    token("branch_key", &["key_live_", "key_test_"], "key_(?:live|test)_[A-Za-z0-9]{28,}")
        .source("Branch: keys", "https://help.branch.io/developers-hub/docs")
        .check(Check::Random)
        .examples("«key_live_%{b62:32}»", "the prefix key_live_"),
    token("growthbook_key", &["secret_user_", "secret_admin_", "secret_readonly_"], "secret_(?:user|admin|readonly)_[A-Za-z0-9]{16,}")
        .source("GrowthBook: API keys", "https://docs.growthbook.io/api")
        .check(Check::Random)
        .examples("«secret_admin_%{b62:40}»", "the prefix secret_admin_"),
    token("launchdarkly_key", &["rel-"], "rel-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("LaunchDarkly: Relay Proxy", "https://launchdarkly.com/docs/sdk/relay-proxy")
        .examples("«rel-%{uuid}»", "the prefix rel-"),
    token("wundergraph_key", &["cosmo_"], "cosmo_[0-9a-f]{32}")
        .source("WunderGraph Cosmo: API keys", "https://cosmo-docs.wundergraph.com/studio/api-keys")
        .examples("«cosmo_%{hex:32}»", "the prefix cosmo_"),
    token("blockprotocol_key", &["b10ck5."], r"b10ck5\.[0-9a-zA-Z]{32}\.[0-9a-zA-Z-]{36}")
        .source("Block Protocol: API keys", "https://blockprotocol.org/docs")
        .examples("«b10ck5.%{hex:32}.%{uuid}»", "the prefix b10ck5."),
    token("hop_token", &["hop_pat_"], "hop_pat_[A-Za-z0-9]{28,}")
        .source("Hop: tokens", "https://docs.hop.io")
        .examples("«hop_pat_%{b62:32}»", "the prefix hop_pat_"),
    token("bitrise_token", &["bitpat_", "bitwat_"], "bit[pw]at_[A-Za-z0-9_-]{30,}")
        .source("Bitrise: personal access tokens", "https://docs.bitrise.io/en/bitrise-platform/accounts/personal-access-tokens.html")
        .examples("«bitpat_%{b62:60}»", "the prefix bitpat_"),
    token("figma_oauth", &["figu_", "figo_", "figor_", "figur_", "figs_", "figoh_", "figuh_", "figdr_", "figdh_", "figddh_", "figorh_", "figurh_", "figsc_", "figss_"], "fig[a-z]{1,4}_[A-Za-z0-9_-]{34,}")
        .check(Check::Random)
        .source("Figma: authentication", "https://developers.figma.com/docs/rest-api/authentication/")
        .examples("«figur_%{b62:40}»", "the prefix figur_"),
];
