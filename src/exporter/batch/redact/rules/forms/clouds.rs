//! Clouds, databases, monitoring and keys of cryptography.

use crate::exporter::batch::redact::rule::{Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("dynatrace_token", &["dt0"], r"dt0[a-zA-Z][0-9]{2}\.[A-Za-z0-9]{8,24}\.[A-Za-z0-9]{60,68}")
        .source("Dynatrace: access tokens", "https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/access-tokens")
        .examples("«dt0c01.%{B36:24}.%{B36:64}»", "the prefix dt0"),
    token("alibaba_key", &["LTAI", "STS."], r"(?:LTAI[A-Za-z0-9]{16,24}|STS\.[A-Za-z0-9]{20,64})")
        .source("Alibaba Cloud: AccessKey pairs", "https://www.alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair")
        .check(Check::Random)
        .examples("«LTAI5t%{b62:18}»", "the prefix LTAI"),
    token("alibaba_token", &["CAIS"], "CAIS[A-Za-z0-9+/_=-]{30,1000}")
        .source("Alibaba Cloud: STS", "https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole")
        .check(Check::Random)
        .examples("«CAIS%{b62:100}»", "the prefix CAIS"),
    token("tencent_key", &["AKID"], "AKID[A-Za-z0-9]{32,36}")
        .source("Tencent Cloud: access keys", "https://www.tencentcloud.com/document/product/598/32675")
        .examples("«AKID%{b62:32}»", "the prefix AKID"),
    token("yandex_key", &["AQVN", "y0_", "t1."], r"(?:AQVN[A-Za-z0-9_-]{35,40}|y0_[A-Za-z0-9_-]{50,64}|t1\.[A-Za-z0-9_-]{20,}={0,2}\.[A-Za-z0-9_-]{86}={0,2})")
        .source("Yandex Cloud: API keys", "https://yandex.cloud/en/docs/iam/concepts/authorization/api-key")
        .examples("«AQVN%{b64url:36}»", "the prefix AQVN"),
    token("yandex_aws_key", &["YCAJE", "YCO", "YCM", "YCN", "YCP"], "YC[A-Za-z0-9_-]{38}")
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
    token("upcloud_token", &["ucat_"], "ucat_[0-9A-Za-z]{24,32}")
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
    token("mongodb_secret", &["mdb_sa_sk_"], "mdb_sa_sk_[A-Za-z0-9_-]{36,44}")
        .source("MongoDB Atlas: service accounts", "https://www.mongodb.com/docs/atlas/api/service-accounts-overview/")
        .examples("«mdb_sa_sk_%{b64url:40}»", "the prefix mdb_sa_sk_"),
    token("elastic_key", &["essu_"], "essu_[A-Za-z0-9_-]{60,200}={0,2}")
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
    token("honeycomb_key", &["hcaik_", "hcxik_", "hcamk_", "hcxmk_", "hcalk_", "hcxlk_", "hcaic_", "hcxic_", "hcbik_"], "hc[abcx][im lc]{0,1}[a-z]{1,2}_[a-z0-9]{30,64}")
        .source("Honeycomb: API keys", "https://docs.honeycomb.io/configure/environments/manage-api-keys/")
        .examples("«hcaik_%{b36:58}»", "the prefix hcaik_"),
    token("newrelic_key", &["NRRA-", "NRII-", "NRIQ-", "NRJS-", "NRAA-", "NRSP-", "NRBR-"], "NR(?:RA|II|IQ|JS|AA|SP|BR)-[A-Za-z0-9_-]{18,44}")
        .source("New Relic: API keys", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/")
        .check(Check::Random)
        .examples("«NRII-%{b62:32}»", "the prefix NRRA-"),
    token("newrelic_license_key", &["NRAL"], "[0-9a-fA-FxX]{36}NRAL")
        .source("New Relic: license keys", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/")
        .prefix(Prefix::Bytes(36))
        .examples("«%{hex:36}NRAL»", "the prefix NRAL"),
    token("grafana_key", &["eyJrIjoi"], "eyJrIjoi[A-Za-z0-9+/]{40,400}={0,2}")
        .source("Grafana: API keys", "https://grafana.com/docs/grafana/latest/administration/service-accounts/")
        .examples("«eyJrIjoi%{b62:80}==»", "the prefix eyJrIjoi"),
    token("grafana_cloud_token", &["glc_"], "glc_[A-Za-z0-9+/]{32,400}={0,2}")
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
    token("tailscale_key", &["tskey-"], "tskey-[a-z]{2,10}-[A-Za-z0-9_-]{20,70}")
        .source("Tailscale: key prefixes", "https://tailscale.com/kb/1277/key-prefixes")
        .examples("«tskey-api-%{b62:28}»", "the prefix tskey-"),
    token("ngrok_key", &["ngrok_", "ak_", "cr_"], "(?:ngrok|ak|cr)_[A-Za-z0-9]{27,48}")
        .source("ngrok: API keys", "https://ngrok.com/docs/api/")
        .check(Check::Random)
        .examples("«ngrok_%{b62:40}»", "the prefix ngrok_"),
    token("webhook_url", &["webhook.office.com", "logic.azure.com"], r"webhook\.office\.com/webhookb2/(?P<secret>[A-Za-z0-9@/-]{60,})")
        .source("Microsoft Teams: incoming webhooks", "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook")
        .examples("https://acme.webhook.office.com/webhookb2/«%{uuid}@%{uuid}/IncomingWebhook/%{hex:32}/%{uuid}»", "the prefix webhook.office.com"),
    token("private_key", &["MIIE", "MIIJ", "MIIC", "MIIB", "MIGH", "MHcC", "MC4C", "MIGk", "MIHc"], "M(?:II[BCEJ][A-Za-z0-9+/]{2}IBA[A-Za-z0-9+/]{80,}|HcCAQEE[A-Za-z0-9+/]{100,}|C4CAQAwBQYDK2VwBCIEI[A-Za-z0-9+/]{42,}|IGHAgEAMBMGByqGSM49[A-Za-z0-9+/]{100,}|I(?:Gk|Hc)AgEBB[A-Za-z0-9+/]{100,})={0,2}")
        .source("RFC 8017: RSA private keys in DER", "https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2")
        .examples("«MIIEpAIBAAKCAQEA%{b62:600}==»", "the prefix MIIE"),
    token("private_key", &["b3BlbnNzaC1rZXktdjE"], "b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/]{100,}={0,2}")
        .source("OpenSSH: PROTOCOL.key", "https://cvsweb.openbsd.org/cgi-bin/cvsweb/src/usr.bin/ssh/PROTOCOL.key")
        .examples("«b3BlbnNzaC1rZXktdjEAAAAA%{b62:300}==»", "the prefix b3BlbnNzaC1rZXktdjE"),
    token("private_key", &["Private-Lines:"], r"Private-Lines: [0-9]{1,3}[ \t\r\n]{1,4}(?P<secret>(?:[A-Za-z0-9+/]{1,64}[ \t\r\n]{1,4}){0,60}?[A-Za-z0-9+/]{1,64}={0,2})[ \t\r\n]{1,4}Private-MAC")
        .source("PuTTY: the PPK file format", "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html")
        .examples("Private-Lines: 2\n«%{b62:64}\n%{b62:40}==»\nPrivate-MAC: %{hex:40}", "the prefix Private-Lines:"),
    token("private_key", &["<RSAKeyValue>"], r"<RSAKeyValue>[ -~\t\r\n]{1,2000}?<(?P<secret>P>[ -~\t\r\n]{40,4000}?)</RSAKeyValue>")
        .source("W3C: XML Signature, RSAKeyValue", "https://www.w3.org/TR/xmldsig-core1/#sec-RSAKeyValue")
        .examples("<RSAKeyValue><Modulus>%{b62:40}</Modulus><Exponent>AQAB</Exponent><«P>%{b62:86}==</P><D>%{b62:86}==</D>»</RSAKeyValue>", "the prefix <RSAKeyValue>"),
    token("crypto_key", &["xprv", "zprv", "yprv", "tprv"], "[xyzt]prv[A-Za-z0-9]{90,112}")
        .source("BIP 32: hierarchical deterministic wallets", "https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki")
        .examples("«xprv9s21ZrQH143K%{B36:96}»", "the prefix xprv"),
    token("crypto_key", &["nsec1"], "nsec1[a-z0-9]{58}")
        .source("NIP-19: bech32-encoded entities", "https://github.com/nostr-protocol/nips/blob/master/19.md")
        .examples("«nsec1%{b36:58}»", "the prefix nsec1"),
    token("wireguard_key", &["PrivateKey", "PresharedKey"], r"(?:PrivateKey|PresharedKey)[ \t]{0,4}=[ \t]{0,4}(?P<secret>[A-Za-z0-9+/]{43}=)")
        .source("WireGuard: wg", "https://man7.org/linux/man-pages/man8/wg.8.html")
        .examples("PrivateKey = «%{b62:43}=»", "the prefix PrivateKey"),
];
