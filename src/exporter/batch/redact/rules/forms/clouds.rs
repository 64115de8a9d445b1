//! Clouds, databases, monitoring and keys of cryptography.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("dynatrace_token", &["dt0"], r"dt0[a-zA-Z][0-9]{2}\.[A-Za-z0-9]{8,24}\.[A-Za-z0-9]{60,68}")
        .source("Dynatrace: access tokens", "https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/access-tokens")
        .examples("«dt0c01.%{B36:24}.%{B36:64}»", "the prefix dt0"),
    token("alibaba_key", &["LTAI", "STS."], r"(?:LTAI[A-Za-z0-9]{16,24}|STS\.[A-Za-z0-9]{20,64})")
        .source("Alibaba Cloud: AccessKey pairs", "https://www.alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair")
        .check(Check::Random)
        .examples("«LTAI5t%{b62:18}»", "the prefix LTAI"),
    token("alibaba_token", &["CAIS"], "CAIS[A-Za-z0-9+/_=-]{27,}")
        .source("Alibaba Cloud: STS", "https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole")
        .check(Check::Random)
        .examples("«CAIS%{b62:100}»", "the prefix CAIS"),
    token("tencent_key", &["AKID"], "AKID[A-Za-z0-9]{28,}")
        .source("Tencent Cloud: access keys", "https://www.tencentcloud.com/document/product/598/32675")
        .examples("«AKID%{b62:32}»", "the prefix AKID"),
    token("yandex_key", &["AQVN", "y0_", "t1."], r"(?:AQVN[A-Za-z0-9_-]{35,40}|y0_[A-Za-z0-9_-]{50,64}|t1\.[A-Za-z0-9_-]{20,}={0,2}\.[A-Za-z0-9_-]{86}={0,2})")
        .source("Yandex Cloud: API keys", "https://yandex.cloud/en/docs/iam/concepts/authorization/api-key")
        .examples("«AQVN%{b64url:36}»", "the prefix AQVN"),
    token("yandex_aws_key", &["YCAJE", "YCO", "YCM", "YCN", "YCP"], "YC[A-Za-z0-9_-]{38}")
        .token_chars(35)
        .source("Yandex Cloud: static access keys", "https://yandex.cloud/en/docs/iam/concepts/authorization/access-key")
        .check(Check::Random)
        .examples("«YCOu%{b64url:36}»", "the prefix YCAJE"),
    token("scaleway_key", &["SCW"], "SCW[A-Z0-9]{17}")
        .source("Scaleway: API keys", "https://www.scaleway.com/en/docs/iam/how-to/create-api-keys/")
        .check(Check::Random)
        .examples("«SCW%{B36:17}»", "the prefix SCW"),
    token("exoscale_key", &["EXO"], "EXO[A-Za-z0-9]{24,30}")
        .source("Exoscale: API keys", "https://community.exoscale.com/product/iam/")
        .check(Check::Random)
        .examples("«EXO%{hex:24}»", "the prefix EXO"),
    token("upcloud_token", &["ucat_"], "ucat_[0-9A-Za-z]{21,}")
        .source("UpCloud: API tokens", "https://upcloud.com/docs/guides/getting-started-upcloud-api/")
        .examples("«ucat_%{B36:26}»", "the prefix ucat_"),
    token("digitalocean_spaces_key", &["DO00", "DO80"], "DO(?:00|80)[A-Z0-9]{16}")
        .source("DigitalOcean: Spaces access keys", "https://docs.digitalocean.com/products/spaces/how-to/manage-access/")
        .examples("«DO00%{B36:16}»", "the prefix DO00"),
    token("aws_access_key", &["A3T"], "A3T[A-Z0-9][A-Z0-9]{16}")
        .source("AWS IAM identifiers: unique ID prefixes", "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html")
        .check(Check::Random)
        .examples("«A3TX%{b32:16}»", "the prefix A3T"),
    token("aws_mws_token", &["amzn.mws."], r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Amazon MWS: authorization", "https://developer-docs.amazon.com/sp-api/docs")
        .examples("«amzn.mws.%{uuid}»", "the prefix amzn.mws."),
    token("aws_bedrock_key", &["bedrock-api-key-"], "bedrock-api-key-[A-Za-z0-9+/=]{60,}")
        .source("Amazon Bedrock API keys", "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html")
        .examples("«bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t%{b62:200}»", "the prefix bedrock-api-key-"),
    token("mongodb_secret", &["mdb_sa_sk_"], "mdb_sa_sk_[A-Za-z0-9_-]{32,}")
        .source("MongoDB Atlas: service accounts", "https://www.mongodb.com/docs/atlas/api/service-accounts-overview/")
        .examples("«mdb_sa_sk_%{b64url:40}»", "the prefix mdb_sa_sk_"),
    token("elastic_key", &["essu_"], "essu_[A-Za-z0-9_-]{53,}={0,2}")
        .source("Elastic Cloud: API keys", "https://www.elastic.co/docs/deploy-manage/api-keys/elastic-cloud-api-keys")
        .examples("«essu_%{b62:70}»", "the prefix essu_"),
    token("clickhouse_key", &["4b1d"], "4b1d[A-Za-z0-9]{38}")
        .source("ClickHouse Cloud: API keys", "https://clickhouse.com/docs/cloud/manage/openapi")
        .check(Check::Random)
        .examples("«4b1d%{b62:38}»", "the prefix 4b1d"),
    token("astra_token", &["AstraCS:"], "AstraCS:[A-Za-z0-9:]{20,}")
        .source("DataStax Astra: application tokens", "https://docs.datastax.com/en/astra-db-serverless/administration/manage-application-tokens.html")
        .examples("«AstraCS:%{b62:24}:%{hex:64}»", "the prefix AstraCS:"),
    token("axiom_token", &["xaat-", "xapt-"], "xa(?:at|pt)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Axiom: tokens", "https://axiom.co/docs/reference/tokens")
        .examples("«xaat-%{uuid}»", "the prefix xaat-"),
    token("newrelic_key", &["NRRA-", "NRII-", "NRIQ-", "NRJS-", "NRAA-", "NRSP-", "NRBR-"], "NR(?:RA|II|IQ|JS|AA|SP|BR)-[A-Za-z0-9_-]{16,}")
        .source("New Relic: API keys", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/")
        .check(Check::Random)
        .examples("«NRII-%{b62:32}»", "the prefix NRRA-"),
    token("newrelic_license_key", &["NRAL"], "[0-9a-zA-Z]{36}NRAL")
        .source("New Relic: license keys", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/")
        .prefix(Prefix::Bytes(36))
        .examples("«%{hex:36}NRAL»", "the prefix NRAL"),
    token("grafana_key", &["eyJrIjoi"], "eyJrIjoi[A-Za-z0-9+/]{35,}={0,2}")
        .source("Grafana: API keys", "https://grafana.com/docs/grafana/latest/administration/service-accounts/")
        .examples("«eyJrIjoi%{b62:80}==»", "the prefix eyJrIjoi"),
    token("grafana_cloud_token", &["glc_"], "glc_[A-Za-z0-9+/]{28,}={0,2}")
        .source("Grafana Cloud: access policies", "https://grafana.com/docs/grafana-cloud/security-and-account-management/authentication-and-permissions/access-policies/")
        .examples("«glc_%{b62:90}==»", "the prefix glc_"),
    token("sentry_token", &["sntrys_"], "sntrys_[A-Za-z0-9+/=_-]{40,}")
        .source("Sentry: auth tokens", "https://docs.sentry.io/account/auth-tokens/")
        .examples("«sntrys_eyJpYXQiO%{b62:90}_%{b62:43}»", "the prefix sntrys_"),
    token("confluent_key", &["cflt"], "cflt[A-Za-z0-9+/]{60}")
        .source("Confluent Cloud: API keys", "https://docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys/overview.html")
        .examples("«cflt%{b62:60}»", "the prefix cflt"),
    token("databricks_oauth", &["dose", "dkea", "dptk", "dsapi"], "d(?:kea|sapi|ptk)[0-9a-f]{32}(?:-[0-9]{1,2})?")
        .source("Databricks: OAuth secrets", "https://docs.databricks.com/dev-tools/auth/oauth-m2m.html")
        .examples("«dkea%{hex:32}»", "the prefix dose"),
    token("vault_token", &["s."], r"s\.[A-Za-z0-9]{24}")
        .source("HashiCorp Vault: tokens", "https://developer.hashicorp.com/vault/docs/concepts/tokens")
        .check(Check::Random)
        .examples("«s.%{b62:24}»", "the prefix s."),
    token("tailscale_key", &["tskey-"], "tskey-[a-z]{2,10}-[A-Za-z0-9_-]{18,}")
        .source("Tailscale: key prefixes", "https://tailscale.com/kb/1277/key-prefixes")
        .examples("«tskey-api-%{b62:28}»", "the prefix tskey-"),
    token("ngrok_key", &["ngrok_", "ak_", "cr_"], "(?:ngrok|ak|cr)_[A-Za-z0-9]{24,}")
        .token_chars(24)
        .source("ngrok: API keys", "https://ngrok.com/docs/api/")
        .check(Check::Random)
        .examples("«ngrok_%{b62:40}»", "the prefix ngrok_"),
    token("webhook_url", &["webhook.office.com", "logic.azure.com"], r"webhook\.office\.com/webhookb2/(?P<secret>[A-Za-z0-9@/-]{60,})")
        .source("Microsoft Teams: incoming webhooks", "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook")
        .examples("https://acme.webhook.office.com/webhookb2/«%{uuid}@%{uuid}/IncomingWebhook/%{hex:32}/%{uuid}»", "the prefix webhook.office.com"),
    token("private_key", &["b3BlbnNzaC1rZXktdjE"], "b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/]{100,}={0,2}")
        .source("OpenSSH: PROTOCOL.key", "https://cvsweb.openbsd.org/cgi-bin/cvsweb/src/usr.bin/ssh/PROTOCOL.key")
        .examples("«b3BlbnNzaC1rZXktdjEAAAAA%{b62:300}==»", "the prefix b3BlbnNzaC1rZXktdjE"),
    token("private_key", &["Private-Lines:"], r"Private-Lines: [0-9]{1,3}[ \t\r\n]{1,4}(?P<secret>(?:[A-Za-z0-9+/]{1,64}[ \t\r\n]{1,4}){0,60}?[A-Za-z0-9+/]{1,64}={0,2})[ \t\r\n]{1,4}Private-MAC")
        .source("PuTTY: the PPK file format", "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html")
        .examples("Private-Lines: 2\n«%{b62:64}\n%{b62:40}==»\nPrivate-MAC: %{hex:40}", "the prefix Private-Lines:"),
    // Neither part holds another `<RSAKeyValue>`, so that attempts do not overlap.
    token("private_key", &["<RSAKeyValue>"], r"<RSAKeyValue>(?:[ -;=-~\t\r\n]|<[ -QS-~])*?<(?P<secret>(?:P|Q|DP|DQ|InverseQ|D)>(?:[ -;=-~\t\r\n]|<[ -QS-~])*?)</RSAKeyValue>")
        .source("W3C: XML Signature, RSAKeyValue", "https://www.w3.org/TR/xmldsig-core1/#sec-RSAKeyValue")
        .examples("<RSAKeyValue><Modulus>%{b62:40}</Modulus><Exponent>AQAB</Exponent><«P>%{b62:86}==</P><D>%{b62:86}==</D>»</RSAKeyValue>", "the prefix <RSAKeyValue>"),
    token("crypto_key", &["xprv", "zprv", "yprv", "tprv"], "[xyzt]prv[A-Za-z0-9]{79,}")
        .source("BIP 32: hierarchical deterministic wallets", "https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki")
        .examples("«xprv9s21ZrQH143K%{B36:96}»", "the prefix xprv"),
    token("crypto_key", &["nsec1"], "nsec1[a-z0-9]{58}")
        .source("NIP-19: bech32-encoded entities", "https://github.com/nostr-protocol/nips/blob/master/19.md")
        .examples("«nsec1%{b36:58}»", "the prefix nsec1"),
    token("wireguard_key", &["PrivateKey", "PresharedKey"], r"(?:PrivateKey|PresharedKey)[ \t]{0,4}=[ \t]{0,4}(?P<secret>[A-Za-z0-9+/]{43}=)")
        .source("WireGuard: wg", "https://man7.org/linux/man-pages/man8/wg.8.html")
        .examples("PrivateKey = «%{b62:43}=»", "the prefix PrivateKey"),
    token("healthchecks_key", &["hcw_", "hcr_"], "hc[wr]_[A-Za-z0-9]{23,}")
        .source("Healthchecks.io: API keys", "https://healthchecks.io/docs/api/")
        .examples("«hcw_%{b62:28}»", "the prefix hcw_"),
    token("firehydrant_token", &["fhb-"], "fhb-[0-9a-f]{32}")
        .source("FireHydrant: bot tokens", "https://docs.firehydrant.com/docs/api-keys")
        .examples("«fhb-%{hex:32}»", "the prefix fhb-"),
    token("k3s_token", &["K10"], "K10[0-9a-f]{64}::[a-z]{3,12}:[A-Za-z0-9._-]{16,128}")
        .source("K3s: tokens", "https://docs.k3s.io/cli/token")
        .examples("«K10%{hex:64}::server:%{hex:32}»", "the prefix K10"),
    token("rancher_token", &["token-", "kubeconfig-"], "(?:token|kubeconfig)-[a-z0-9-]{5,40}:(?P<secret>[a-z0-9]{54})")
        .source("Rancher: API keys", "https://ranchermanager.docs.rancher.com/reference-guides/user-settings/api-keys")
        .examples("token-%{b36:5}:«%{b36:54}»", "the prefix token-"),
    token("portainer_token", &["ptr_"], "ptr_[A-Za-z0-9+/]{36,}={0,2}")
        .source("Portainer: access tokens", "https://docs.portainer.io/api/access")
        .examples("«ptr_%{b62:43}=»", "the prefix ptr_"),
    token("netbird_token", &["nbp_"], "nbp_[A-Za-z0-9]{36}")
        .source("NetBird: access tokens", "https://docs.netbird.io/how-to/access-netbird-public-api")
        .examples("«nbp_%{b62:36}»", "the prefix nbp_"),
    token("dnsimple_token", &["dnsimple_"], "dnsimple_[auo]_[A-Za-z0-9]{27,}")
        .source("DNSimple: API access tokens", "https://support.dnsimple.com/articles/api-access-token/")
        .examples("«dnsimple_a_%{b62:32}»", "the prefix dnsimple_"),
    token("porkbun_key", &["pk1_", "sk1_"], "[ps]k1_[0-9a-f]{53,}")
        .source("Porkbun: API keys", "https://porkbun.com/api/json/v3/documentation")
        .examples("«sk1_%{hex:64}»", "the prefix pk1_"),
    token("sentry_token", &["sntrya_", "sntryi_"], "sntry[ai]_[A-Za-z0-9+/=_-]{40,}")
        .source("Sentry: auth tokens", "https://docs.sentry.io/account/auth-tokens/")
        .examples("«sntryi_%{hex:64}»", "the prefix sntrya_"),
    token("honeybadger_token", &["hbp_", "hbt_"], "hb[pt]_[A-Za-z0-9]{27,}")
        .source("Honeybadger: API keys", "https://docs.honeybadger.io/api/")
        .examples("«hbp_%{b62:36}»", "the prefix hbp_"),
    token("checkly_key", &["cu_", "sv_"], "(?:cu|sv)_[0-9a-f]{32}")
        .boundary(Boundary::NoPath)
        .source("Checkly: API keys", "https://www.checklyhq.com/docs/accounts-and-users/creating-api-key/")
        .examples("«cu_%{hex:32}»", "the prefix cu_"),
    token("pagerduty_token", &["pdus+", "pdeu+"], r"pd(?:us|eu)\+_[A-Za-z0-9_]{2,4}[A-Za-z0-9+/_-]{27,}")
        .source("PagerDuty: OAuth tokens", "https://developer.pagerduty.com/docs/oauth-functionality")
        .examples("«pdus+_0X%{b62:44}»", "the prefix pdus+"),
    token("pagerduty_token", &["u+", "y_"], "[uy][+_][A-Za-z0-9_+-]{18}")
        .token_chars(18)
        .source("PagerDuty: API access keys", "https://support.pagerduty.com/main/docs/api-access-keys")
        .check(Check::Random)
        .examples("«u+%{b62:18}»", "the prefix u+"),
    token("uptimerobot_key", &["ur"], "ur[0-9]{6,10}-[0-9a-f]{24,32}")
        .source("UptimeRobot: API keys", "https://uptimerobot.com/api/")
        .examples("«ur%{digit:7}-%{hex:24}»", "the prefix ur"),
    token("logicmonitor_token", &["lmb_", "lma_"], r"lm[ab]_[A-Za-z0-9+/=_~^()\[\]{}-]{40,}")
        .source("LogicMonitor: API tokens", "https://www.logicmonitor.com/support/bearer-token")
        .examples("«lmb_%{b62:60}==»", "the prefix lmb_"),
    token("metabase_key", &["mb_"], "mb_[A-Za-z0-9+/]{43}=")
        .source("Metabase: API keys", "https://www.metabase.com/docs/latest/people-and-groups/api-keys")
        .examples("«mb_%{b62:43}=»", "the prefix mb_"),
    token("hex_token", &["hxtp_", "hxtw_"], "hxt[pw]_[0-9a-f]{53,}")
        .source("Hex: API tokens", "https://learn.hex.tech/docs/api/api-overview")
        .examples("«hxtp_%{hex:96}»", "the prefix hxtp_"),
    token("lightdash_token", &["ldpat_", "ldsvc_"], "ld(?:pat|svc)_[0-9a-f]{28,}")
        .source("Lightdash: personal access tokens", "https://docs.lightdash.com/references/personal_tokens")
        .examples("«ldpat_%{hex:32}»", "the prefix ldpat_"),
    token("materialize_password", &["mzp_"], "mzp_[0-9a-f]{64}")
        .source("Materialize: app passwords", "https://materialize.com/docs/security/cloud/users-service-accounts/")
        .examples("«mzp_%{hex:64}»", "the prefix mzp_"),
    token("crunchy_key", &["cbkey_"], "cbkey_[A-Za-z0-9]{27,}")
        .source("Crunchy Bridge: API keys", "https://docs.crunchybridge.com/concepts/account")
        .examples("«cbkey_%{b62:52}»", "the prefix cbkey_"),
    token("gel_token", &["nbwt_", "edbt_", "nbwt1_", "edbt1_"], "(?:nbwt|edbt)1?_[A-Za-z0-9_.-]{40,}")
        .source("Gel: secret keys", "https://docs.geldata.com/cloud")
        .examples("«nbwt_%{b62:80}»", "the prefix nbwt_"),
    token("aiven_password", &["AVNS_"], "AVNS_[A-Za-z0-9_-]{14,}")
        .source("Aiven: service passwords", "https://aiven.io/docs/products/postgresql/howto/manage-passwords")
        .examples("«AVNS_%{b62:19}»", "the prefix AVNS_"),
    token("aiven_token", &["aivenv1"], "aivenv1[A-Za-z0-9+/=_-]{100,}")
        .source("Aiven: authentication tokens", "https://aiven.io/docs/platform/howto/create_authentication_token")
        .examples("«aivenv1%{b62:200}»", "the prefix aivenv1"),
    token("xata_key", &["xau_"], "xau_[A-Za-z0-9]{30,}")
        .source("Xata: API keys", "https://xata.io/docs")
        .examples("«xau_%{b62:40}»", "the prefix xau_"),
    token("fauna_secret", &["fnA", "fnE", "fnF"], "fn[AEF][A-Za-z0-9_-]{37,60}")
        .source("Fauna: keys", "https://docs.faunadb.org/fauna/current/learn/security/keys/")
        .check(Check::Random)
        .examples("«fnA%{b62:37}»", "the prefix fnA"),
    token("tinybird_token", &["p.eyJ"], r"p\.eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{35,}")
        .source("Tinybird: tokens", "https://www.tinybird.co/docs/api-reference/token-api")
        .examples("«p.eyJ%{b62:60}.%{b64url:43}»", "the prefix p.eyJ"),
    token("dbt_token", &["dbtc_", "dbtu_", "dbts_"], "dbt[cus]_[A-Za-z0-9_-]{27,}={0,2}")
        .source("dbt Cloud: API tokens", "https://docs.getdbt.com/docs/dbt-cloud-apis/authentication")
        .examples("«dbtu_%{b62:43}»", "the prefix dbtc_"),
    token("neon_password", &["npg_"], "npg_[A-Za-z0-9]{12}")
        .source("Neon: connection strings", "https://neon.com/docs/connect/connect-from-any-app")
        .examples("«npg_%{b62:12}»", "the prefix npg_"),
    token("supabase_key", &["sbp_oauth_", "sba_"], "(?:sbp_oauth|sba)_[A-Za-z0-9]{27,}")
        .source("Supabase: OAuth apps", "https://supabase.com/docs/guides/integrations/build-a-supabase-integration")
        .examples("«sbp_oauth_%{hex:40}»", "the prefix sbp_oauth_"),
    token("secret_token", &["secret-token:"], "secret-token:(?P<secret>[A-Za-z0-9._~%+/:_-]{16,})")
        .source("RFC 8959: the secret-token URI scheme", "https://www.rfc-editor.org/rfc/rfc8959")
        .examples("secret-token:«%{b62:40}»", "the prefix secret-token:"),
    token("paseto", &["v1.local.", "v2.local.", "v3.local.", "v4.local.", "v1.public.", "v2.public.", "v3.public.", "v4.public."], r"v[1-4]\.(?:local|public)\.[A-Za-z0-9_-]{32,}(?:\.[A-Za-z0-9_-]+)?")
        .source("PASETO: tokens", "https://github.com/paseto-standard/paseto-spec")
        .examples("«v4.local.%{b62:120}»", "the prefix v1.local."),
    token("appsync_key", &["da2-"], "da2-[a-z0-9]{26}")
        .source("AWS AppSync: API keys", "https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html")
        .examples("«da2-%{b36:26}»", "the prefix da2-"),
    token("gcs_hmac_key", &["GOOG"], "GOOG[0-9A-Z]{18,}")
        .source("Cloud Storage: HMAC keys", "https://cloud.google.com/storage/docs/authentication/hmackeys")
        .check(Check::Random)
        .examples("«GOOG1E%{B36:55}»", "the prefix GOOG"),
    token("firebase_key", &[":APA91b"], "AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{105,}")
        .prefix(Prefix::Bytes(11))
        .source("Firebase Cloud Messaging: server keys", "https://firebase.google.com/docs/cloud-messaging/auth-server")
        .examples("«AAAA%{b62:7}:APA91b%{b64url:134}»", "the prefix :APA91b"),
    token("google_oauth", &["4/0A", "4/1A"], "4/[01]A[A-Za-z0-9_-]{40,}")
        .source("Google: OAuth 2.0 for web servers", "https://developers.google.com/identity/protocols/oauth2/web-server")
        .examples("«4/0A%{b64url:70}»", "the prefix 4/0A"),
    token("azure_key", &["+AEh", "+ASb", "+ARm", "AIoT"], r"[A-Za-z0-9+/]{33}(?:\+AEh|\+ASb|\+ARm|AIoT)[A-Za-z0-9+/]{6}=")
        .prefix(Prefix::Bytes(33))
        .source("Azure identifiable keys", "https://github.com/microsoft/security-utilities/tree/main/docs")
        .examples("«%{b62:33}+AEh%{b62:6}=»", "the prefix +AEh"),
    token("azure_key", &["AzCa"], "[A-Za-z0-9]{33}AzCa[A-Za-z0-9]{6}=")
        .prefix(Prefix::Bytes(33))
        .source("Azure identifiable keys", "https://github.com/microsoft/security-utilities/tree/main/docs")
        .examples("«%{b62:33}AzCa%{b62:6}=»", "the prefix AzCa"),
    token("azure_key", &["+ACR"], r"[A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9+/]{6}")
        .prefix(Prefix::Bytes(42))
        .source("Azure identifiable keys", "https://github.com/microsoft/security-utilities/tree/main/docs")
        .examples("«%{b62:42}+ACRA%{b62:5}»", "the prefix +ACR"),
    token("azure_key", &["APIM", "AZEG"], "[A-Za-z0-9+/]{76}(?:APIM|AZEG)[A-Za-z0-9+/]{4,6}={0,2}")
        .prefix(Prefix::Bytes(76))
        .source("Azure identifiable keys", "https://github.com/microsoft/security-utilities/tree/main/docs")
        .examples("«%{b62:76}APIM%{b62:6}==»", "the prefix APIM"),
    token("azure_key", &["AZEG"], "[A-Za-z0-9]{33,80}AZEG[A-Za-z0-9]{4,6}")
        .prefix(Prefix::Bytes(76))
        .source("Azure identifiable keys", "https://github.com/microsoft/security-utilities/tree/main/docs")
        .examples("«%{b62:52}JQQJ99%{b62:18}AZEG%{b62:4}»", "the prefix AZEG"),
    token("microsoft_token", &["0.A", "1.A"], r"[01]\.A[A-Za-z0-9]{2}[A-Za-z0-9_-]{30,}\.[A-Za-z0-9_-]{40,}(?:\.[A-Za-z0-9_-]{40,})?|[01]\.A[A-Za-z0-9_-]{200,}")
        .source("Microsoft Entra: refresh tokens", "https://learn.microsoft.com/entra/identity-platform/refresh-tokens")
        .check(Check::Random)
        .examples("«0.AXoA%{b64url:60}.%{b64url:400}»", "the prefix 0.A"),
    token("microsoft_token", &["M.C", "M.R"], r"M\.[CR][0-9]{1,4}_[A-Z0-9]{2,4}\.[A-Za-z0-9!*.$_-]{40,}")
        .source("Microsoft accounts: refresh tokens", "https://learn.microsoft.com/entra/identity-platform/refresh-tokens")
        .examples("«M.C532_BAY.0.U.%{b62:120}»", "the prefix M.C"),
    token("cloudflare_tunnel_token", &["eyJhIjoi"], "eyJhIjoi[A-Za-z0-9+/]{100,}={0,2}")
        .source("Cloudflare Tunnel: tokens", "https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/configure-tunnels/remote-tunnel-permissions/")
        .examples("«eyJhIjoi%{b62:170}»", "the prefix eyJhIjoi"),
    token("backblaze_key", &["K001", "K002", "K003", "K004", "K005"], "K00[1-5][A-Za-z0-9+/]{27}")
        .source("Backblaze B2: application keys", "https://www.backblaze.com/docs/cloud-storage-application-keys")
        .check(Check::Random)
        .examples("«K005%{b62:27}»", "the prefix K001"),
    token("akamai_token", &["akab-"], "akab-[a-z0-9]{16}-[a-z0-9]{16}")
        .source("Akamai: API credentials", "https://techdocs.akamai.com/developer/docs/set-up-authentication-credentials")
        .examples("«akab-%{b36:16}-%{b36:16}»", "the prefix akab-"),
    token("jdcloud_key", &["JDC_"], "JDC_[A-Z0-9]{22,}")
        .source("JD Cloud: access keys", "https://docs.jdcloud.com/en/account-management/accesskey-management")
        .examples("«JDC_%{B36:28}»", "the prefix JDC_"),
    token("boundary_token", &["at_"], "at_[A-Za-z0-9]{10}_s1[A-Za-z0-9]{50,}")
        .source("HashiCorp Boundary: tokens", "https://developer.hashicorp.com/boundary/docs")
        .examples("«at_%{b62:10}_s1%{b62:120}»", "the prefix at_"),
    token("vault_token", &["b.", "r."], r"[br]\.(?:AAAAAQ)?[A-Za-z0-9_-]{90,}")
        .source("HashiCorp Vault: tokens", "https://developer.hashicorp.com/vault/docs/concepts/tokens")
        .check(Check::Random)
        .examples("«b.AAAAAQ%{b64url:150}»", "the prefix b."),
    token("planet_key", &["PLAK"], "PLAK[0-9a-f]{32}")
        .source("Planet: API keys", "https://docs.planet.com/develop/authentication/")
        .examples("«PLAK%{hex:32}»", "the prefix PLAK"),
    token("okta_token", &["SSWS 00"], "SSWS (?P<secret>00[A-Za-z0-9_-]{38,44})")
        .source("Okta: API tokens", "https://developer.okta.com/docs/guides/create-an-api-token/main/")
        .examples("x SSWS «00%{b64url:40}»", "the prefix SSWS"),
    token("minisign_key", &["RWRTY0Iy"], "RWRTY0Iy[A-Za-z0-9+/]{100,}={0,2}")
        .source("minisign: secret keys", "https://jedisct1.github.io/minisign/")
        .examples("«RWRTY0Iy%{b62:200}==»", "the prefix RWRTY0Iy"),
    token("nats_seed", &["SU", "SA", "SO", "SN", "SC"], "S[UAONC][A-Z2-7]{56}")
        .source("NATS: nkeys", "https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth")
        .examples("«SUA%{b32:55}»", "the prefix SU"),
    token("firebase_token", &[":APA91b"], "[A-Za-z0-9_-]{22}:APA91b[A-Za-z0-9_-]{105,}")
        .prefix(Prefix::Bytes(22))
        .source("Firebase Cloud Messaging: registration tokens", "https://firebase.google.com/docs/cloud-messaging/manage-tokens")
        .examples("«%{b62:22}:APA91b%{b64url:134}»", "the prefix :APA91b"),
    token("google_oauth", &["ya29."], r"ya29\.[a-z]\.[A-Za-z0-9_-]{20,}")
        .source("Google: OAuth 2.0 for web servers", "https://developers.google.com/identity/protocols/oauth2/web-server")
        .examples("«ya29.c.%{b64url:160}»", "the prefix ya29."),
    token("yandex_key", &["trnsl.1.1.", "dict.1.1.", "pdct.1.1."], r"(?:trnsl|dict|pdct)\.1\.1\.[0-9]{8}T[0-9]{6}Z\.[0-9a-f]{16}\.[0-9a-f]{40}")
        .source("Yandex: API keys", "https://yandex.com/dev/dictionary/")
        .examples("«trnsl.1.1.20240102T101112Z.%{hex:16}.%{hex:40}»", "the prefix trnsl.1.1."),
    token("jumpcloud_key", &["jca_"], "jca_[A-Za-z0-9]{36}")
        .source("JumpCloud: API keys", "https://jumpcloud.com/support/jumpcloud-apis1")
        .examples("«jca_%{b62:36}»", "the prefix jca_"),
    token("truenas_key", &["1-", "2-", "3-"], "[1-9]-[A-Za-z0-9]{64}")
        .source("TrueNAS: API keys", "https://www.truenas.com/docs/scale/toptoolbar/managingapikeys/")
        .check(Check::Random)
        .examples("«1-%{b62:64}»", "the prefix 1-"),
    token("newrelic_key", &["-NRMA"], "AA[0-9a-f]{40}-NRMA")
        .prefix(Prefix::Bytes(42))
        .source("New Relic: mobile tokens", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/")
        .examples("«AA%{hex:40}-NRMA»", "the prefix -NRMA"),
    token("tigris_key", &["tid_", "tsec_"], "t(?:id|sec)_[A-Za-z0-9_+-]{44,}")
        .source("Tigris: access keys", "https://www.tigrisdata.com/docs/iam/manage-access-key/")
        .check(Check::Random)
        .examples("«tsec_%{b62:66}»", "the prefix tsec_"),
    token("warpstream_key", &["aks_"], "aks_[0-9a-f]{64}")
        .source("WarpStream: API keys", "https://docs.warpstream.com/warpstream/reference/api-reference")
        .examples("«aks_%{hex:64}»", "the prefix aks_"),
    token("arcgis_key", &["AAPK", "AAPT"], "AAP[KT][A-Za-z0-9_.-]{60,}")
        .source("ArcGIS: API keys", "https://developers.arcgis.com/documentation/security-and-authentication/api-key-authentication/")
        .check(Check::Random)
        .examples("«AAPK%{hex:32}%{b62:64}»", "the prefix AAPK"),
    token("foursquare_key", &["fsq3"], "fsq3[A-Za-z0-9+/=]{40,}")
        .source("Foursquare: API keys", "https://docs.foursquare.com/developer/docs/manage-api-keys")
        .check(Check::Random)
        .examples("«fsq3%{b62:43}=»", "the prefix fsq3"),
    token("coralogix_key", &["cxtp_", "cxup_"], "cx[tu]p_[A-Za-z0-9]{28,}")
        .source("Coralogix: API keys", "https://coralogix.com/docs/user-guides/account-management/api-keys/api-keys/")
        .examples("«cxtp_%{b62:30}»", "the prefix cxtp_"),
    token("azure_key", &["azurewebsites.net/"], r"azurewebsites\.net/[A-Za-z0-9_./-]{1,160}\?(?:[A-Za-z0-9_.%=-]{1,80}&)?code=(?P<secret>[A-Za-z0-9+/_%-]{35,}={0,2})")
        .boundary(Boundary::Anything)
        .source("Azure Functions: access keys", "https://learn.microsoft.com/azure/azure-functions/function-keys-how-to")
        .examples("https://x.azurewebsites.net/api/f?code=«%{b62:54}==»", "https://x.azurewebsites.net/api/f?code=200"),
    token("webhook_url", &["outlook.office"], r"outlook\.office(?:365)?\.com/webhook/(?P<secret>[A-Za-z0-9@/-]{60,})")
        .boundary(Boundary::Anything)
        .source("Microsoft Teams: incoming webhooks", "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook")
        .examples("https://outlook.office.com/webhook/«%{uuid}@%{uuid}/IncomingWebhook/%{hex:32}/%{uuid}»", "https://outlook.office.com/webhook/"),
    token("webhook_url", &["open.feishu.cn/", "open.larksuite.com/"], r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/(?P<secret>[0-9a-f-]{30,40})")
        .boundary(Boundary::Anything)
        .source("Lark: custom bots", "https://open.larksuite.com/document/client-docs/bot-v3/add-custom-bot")
        .examples("https://open.larksuite.com/open-apis/bot/v2/hook/«%{uuid}»", "https://open.larksuite.com/document"),
    token("webhook_url", &["/hooks/"], "/hooks/(?P<secret>[a-z0-9]{26})")
        .boundary(Boundary::Anything)
        .source("Mattermost: incoming webhooks", "https://developers.mattermost.com/integrate/webhooks/incoming/")
        .check(Check::Random)
        .examples("https://chat.example.net/hooks/«%{b36:26}»", "/hooks/pre-commit"),
    token("okta_token", &["00"], "00[A-Za-z0-9_-]{40}")
        .boundary(Boundary::NoName)
        .source("Okta: API tokens", "https://developer.okta.com/docs/guides/create-an-api-token/main/")
        .check(Check::Unworded)
        .examples("«00%{b64url:40}»", "00000000-0000-0000-0000-000000000000"),
    token("dropbox_token", &["AAAAAAAAAA"], "[A-Za-z0-9_-]{11}AAAAAAAAAA[A-Za-z0-9_-]{43}")
        .prefix(Prefix::Bytes(11))
        .source("Dropbox: OAuth guide", "https://developers.dropbox.com/oauth-guide")
        .examples("«%{b62:11}AAAAAAAAAA%{b64url:43}»", "the run AAAAAAAAAA"),
    token("quicknode_key", &["QN_"], "QN_[0-9a-f]{32}")
        .source("QuickNode: API keys", "https://www.quicknode.com/docs/console-api")
        .examples("«QN_%{hex:32}»", "the prefix QN_"),
    token("signify_key", &["RWRCS"], "RWRCS[A-Za-z0-9+/]{120,}={0,2}")
        .source("signify: secret keys", "https://man.openbsd.org/signify")
        .examples("«RWRCS%{b62:135}»", "the prefix RWRCS"),
    token("honeycomb_key", &["ik_", "lk_", "mk_", "ic_"], "hc[a-z](?:[ilm]k|ic)_[a-z0-9]{27,}")
        .prefix(Prefix::Bytes(3))
        .token_chars(27)
        .source("Honeycomb: API keys", "https://docs.honeycomb.io/configure/environments/manage-api-keys/")
        .examples("«hcbik_%{b36:58}»", "the link_"),
    token("azure_key", &["+AMC"], r"[A-Za-z0-9+/]{76}\+AMC[A-Za-z0-9+/]{6}==")
        .prefix(Prefix::Bytes(76))
        .source("Azure identifiable keys", "https://github.com/microsoft/security-utilities/tree/main/docs")
        .examples("«%{b62:76}+AMC%{b62:6}==»", "the suffix +AMC"),
    token("supabase_key", &["sbp_v0_"], "sbp_v0_[0-9a-f]{36,}")
        .source("Supabase: API keys", "https://supabase.com/docs/guides/api/api-keys")
        .examples("«sbp_v0_%{hex:40}»", "the prefix sbp_v0_"),
];
