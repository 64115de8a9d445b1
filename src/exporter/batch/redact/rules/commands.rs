//! Secrets in the arguments of commands, in SQL, in sentences, and in headers beside `Authorization`.

use crate::exporter::batch::redact::rule::{Boundary, Check, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("password", &["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldappasswd", "ldapmodrdn", "ldapcompare"], r#"(?:ldapsearch|ldapadd|ldapmodify|ldapdelete|ldapwhoami|ldappasswd|ldapmodrdn|ldapcompare)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -w ?\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("OpenLDAP: ldapsearch", "https://www.openldap.org/software/man.cgi?query=ldapsearch")
        .examples("ldapsearch -x -D cn=admin -w «%{password}» -b dc=x", "ldapsearch -x -W -b dc=example"),
    token("password", &["7z ", "7za ", "7zr "], r#"(?:7z|7za|7zr)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -p\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("7-Zip: the -p switch", "https://7-zip.opensource.jp/chm/cmdline/switches/password.htm")
        .examples("7z x a.7z -p«%{password}»", "7z x archive.7z -p"),
    token("password", &["zip ", "unzip ", "ipmitool", "sqlcmd", "bcp ", "mosquitto_pub", "mosquitto_sub"], r#"(?:zip|unzip|ipmitool|sqlcmd|bcp|mosquitto_pub|mosquitto_sub)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -P ?\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Info-ZIP: unzip", "https://infozip.sourceforge.net/UnZip.html")
        .examples("unzip -P «%{password}» a.zip", "unzip -P password a.zip"),
    token("password", &["unrar", "rar "], r#"(?:unrar|rar)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -h?p\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("RAR: console manual", "https://www.win-rar.com/support.html")
        .examples("unrar x -p«%{password}» a.rar", "unrar x -p- a.rar"),
    token("password", &["mongo ", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "rdesktop", "cqlsh", "helm registry login", "az login", "oc login", "evil-winrm", "crackmapexec", "netexec", "nxc ", "hydra", "influx ", "docker login", "podman login", "nerdctl login", "buildah login", "skopeo login", "kinit", "clickhouse-client", "pscp", "plink", "sshpass"], r#"(?:mongo|mongosh|mongodump|mongorestore|mongoexport|mongoimport|rdesktop|cqlsh|helm registry login|az login|oc login|evil-winrm|crackmapexec|netexec|nxc|hydra|influx|docker login|podman login|nerdctl login|buildah login|skopeo login|kinit|clickhouse-client|pscp|plink|sshpass)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -p[ =]?\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("MongoDB: mongosh options", "https://www.mongodb.com/docs/mongodb-shell/reference/options/")
        .examples("mongosh -u admin -p «%{password}» --quiet", "mongosh -p $PASSWORD"),
    token("password", &["smbclient", "rpcclient", "smbget", "net rpc"], r#"(?:smbclient|rpcclient|smbget|net rpc)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? (?:-U ?|--user[= ])\\*[\x22\x27]?[!-~&&[^%\x22\x27]]{1,64}%\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Samba: smbclient", "https://www.samba.org/samba/docs/current/man-html/smbclient.1.html")
        .examples("smbclient //h/s -U admin%«%{password}»", "smbclient //host/share -U admin"),
    token("password", &["xfreerdp", "wfreerdp", "xfreerdp3", "cmdkey"], r#"(?:xfreerdp|wfreerdp|xfreerdp3|cmdkey)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? /p(?:ass)?:\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("FreeRDP: command line", "https://github.com/FreeRDP/FreeRDP/wiki/CommandLineInterface")
        .examples("xfreerdp /u:a /p:«%{password}» /v:h", "xfreerdp /u:a /v:h"),
    token("password", &["htpasswd"], r#"(?:htpasswd)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -[a-zA-Z]{0,6}b[a-zA-Z]{0,6} [!-~]{1,80} [!-~]{1,64} \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Apache: htpasswd", "https://httpd.apache.org/docs/current/programs/htpasswd.html")
        .examples("htpasswd -bc f admin «%{password}»", "htpasswd -bc file admin password"),
    token("password", &["openssl enc", "openssl aes", "openssl des"], r#"(?:openssl enc|openssl aes|openssl des)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -k \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("OpenSSL: enc", "https://docs.openssl.org/master/man1/openssl-enc/")
        .examples("openssl enc -aes-256-cbc -k «%{password}» -in a", "openssl enc -k secretfile"),
    token("password", &["gpg ", "gpg2 "], r#"(?:gpg|gpg2)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? --passphrase[ =]\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("GnuPG: --passphrase", "https://www.gnupg.org/documentation/manuals/gnupg/GPG-Esoteric-Options.html")
        .examples("gpg --batch --passphrase «%{password}» -d f", "gpg --passphrase-file f"),
    token("password", &["http ", "https ", "xh "], r#"(?:http|https|xh)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? (?:-a|--auth)[ =]\\*[\x22\x27]?[!-~&&[^:\x22\x27]]{1,64}:\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("HTTPie: authentication", "https://httpie.io/docs/cli/authentication")
        .examples("http -a admin:«%{password}» GET https://h", "http -a admin GET https://h"),
    token("password", &["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk"], r#"(?:snmpwalk|snmpget|snmpset|snmpbulkwalk)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? (?:-A|-X) \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Net-SNMP: snmpcmd", "https://www.net-snmp.org/docs/man/snmpcmd.html")
        .examples("snmpwalk -v3 -u a -A «%{password}» h", "snmpwalk -v3 -u a -a SHA h"),
    token("password", &["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk"], r#"(?:snmpwalk|snmpget|snmpset|snmpbulkwalk)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -X \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Net-SNMP: snmpcmd", "https://www.net-snmp.org/docs/man/snmpcmd.html")
        .examples("snmpwalk -v3 -u a -X «%{password}» h", "snmpwalk -v3 -u a -x AES h"),
    token("password", &["keytool", "jarsigner", "apksigner"], r#"(?:keytool|jarsigner|apksigner)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -(?:store|key|src)pass[ =](?:pass:)?\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Java: keytool", "https://docs.oracle.com/en/java/javase/21/docs/specs/man/keytool.html")
        .examples("keytool -list -storepass «%{password}»", "keytool -list -storepass changeit"),
    token("password", &["keytool", "jarsigner"], r#"(?:keytool|jarsigner)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -(?:key|deststore|srcstore)pass[ =](?:pass:)?\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Java: jarsigner", "https://docs.oracle.com/en/java/javase/21/docs/specs/man/jarsigner.html")
        .examples("jarsigner -storepass:env X -keypass «%{password}» a.jar b", "jarsigner -keypass:env X"),
    token("password", &["net user", "NET USER"], r#"(?:net user|NET USER)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [!-~]{1,40} \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Windows: net user", "https://learn.microsoft.com/troubleshoot/windows-server/networking/net-commands-on-operating-systems")
        .examples("net user alice «%{password}» /add", "net user alice /add"),
    token("password", &["net use", "NET USE"], r#"(?:net use|NET USE)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? (?:[A-Za-z*]:? )?\\\\[!-~]{1,100} \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Windows: net use", "https://learn.microsoft.com/windows-server/administration/windows-commands/net-use")
        .examples("net use Z: \\\\host\\share «%{password}» /user:a", "net use Z: \\\\host\\share"),
    token("password", &["rabbitmqctl add_user", "rabbitmqctl change_password"], r#"(?:rabbitmqctl add_user|rabbitmqctl change_password)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [!-~]{1,64} \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("RabbitMQ: rabbitmqctl", "https://www.rabbitmq.com/docs/man/rabbitmqctl.8")
        .examples("rabbitmqctl add_user a «%{password}»", "rabbitmqctl add_user a"),
    token("password", &["mc alias set", "mc config host add"], r#"(?:mc alias set|mc config host add)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [!-~]{1,40} [!-~]{1,100} [!-~]{3,64} \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("MinIO: mc alias set", "https://min.io/docs/minio/linux/reference/minio-mc/mc-alias-set.html")
        .examples("mc alias set m https://h minioadmin «%{b62:40}»", "mc alias set m https://h"),
    token("password", &["mc alias set", "mc config host add"], r#"(?:mc alias set|mc config host add)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [!-~]{1,40} [!-~]{1,100} \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("MinIO: mc alias set", "https://min.io/docs/minio/linux/reference/minio-mc/mc-alias-set.html")
        .examples("mc alias set m https://h «%{b62:20}»", "mc alias set m https://h ACCESS"),
    token("password", &["wpa_passphrase"], r#"(?:wpa_passphrase)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [!-~]{1,40} \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("wpa_supplicant: wpa_passphrase", "https://w1.fi/wpa_supplicant/")
        .examples("wpa_passphrase home «%{password}»", "wpa_passphrase home"),
    token("password", &["nmcli"], r#"(?:nmcli)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? password \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("NetworkManager: nmcli", "https://networkmanager.dev/docs/api/latest/nmcli.html")
        .examples("nmcli dev wifi connect home password «%{password}»", "nmcli dev wifi connect home"),
    token("password", &["mysqladmin"], r#"(?:mysqladmin)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? password \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("MySQL: mysqladmin", "https://dev.mysql.com/doc/refman/8.4/en/mysqladmin.html")
        .examples("mysqladmin -u root password «%{password}»", "mysqladmin -u root ping"),
    token("password", &["lftp", "ncftp"], r#"(?:lftp|ncftp)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -u ?[!-~&&[^,]]{1,64},\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("lftp", "https://lftp.yar.ru/lftp-man.html")
        .examples("lftp -u a,«%{password}» h", "lftp -u a h"),
    token("password", &["sqlplus", "sqlldr", "impdp", "expdp", "rman"], r#"(?:sqlplus|sqlldr|impdp|expdp|rman)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [A-Za-z][A-Za-z0-9_$#]{0,40}/\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>@/]]{4,})"#)
        .check(Check::Opaque)
        .source("Oracle: SQL*Plus", "https://docs.oracle.com/en/database/oracle/oracle-database/23/sqpug/")
        .examples("sqlplus app/«hunter%{digit:3}»", "sqlplus app/"),
    token("password", &["ssh-keygen"], r#"(?:ssh-keygen)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -[NP] \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("OpenSSH: ssh-keygen", "https://man.openbsd.org/ssh-keygen")
        .examples("ssh-keygen -t ed25519 -N '«%{password}»' -f k", "ssh-keygen -t ed25519 -N '' -f k"),
    token("password", &["rclone obscure", "vault login", "cargo login", "npm token", "ansible-vault encrypt_string", "wg set"], r#"(?:rclone obscure|vault login|cargo login|npm token|ansible-vault encrypt_string|wg set)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("HashiCorp Vault: vault login", "https://developer.hashicorp.com/vault/docs/commands/login")
        .examples("vault login «%{b62:26}»", "vault login"),
    token("password", &["psexec", "wmiexec", "smbexec", "secretsdump", "atexec", "dcomexec"], r#"(?:psexec|wmiexec|smbexec|secretsdump|atexec|dcomexec)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [!-~&&[^:@]]{1,64}:\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>@]]{4,}@?[!-~&&[^@]]{0,20}?)@"#)
        .check(Check::Opaque)
        .boundary(Boundary::Anything)
        .source("Impacket", "https://github.com/fortra/impacket")
        .examples("impacket-psexec corp/admin:«%{password}»@10.0.0.1", "psexec host"),
    token("password", &["gh secret set", "gh variable set"], r#"(?:gh secret set|gh variable set)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? (?:-b|--body)[ =]\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("GitHub CLI: gh secret set", "https://cli.github.com/manual/gh_secret_set")
        .examples("gh secret set TOKEN --body «%{b62:40}»", "gh secret set TOKEN --body-file f"),
    token("password", &["restic", "borg ", "duplicity", "pdftk", "qpdf"], r#"(?:restic|borg|duplicity|pdftk|qpdf)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? (?:--password[ =]|user_pw |owner_pw |input_pw )\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("qpdf", "https://qpdf.readthedocs.io/en/stable/cli.html")
        .examples("qpdf --password=«%{password}» --decrypt a b", "qpdf --decrypt a b"),
    token("password", &["java ", "mvn ", "gradle ", "gradlew "], r#"(?:java|mvn|gradle|gradlew)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? -D[A-Za-z0-9_.-]{0,60}[Pp]assword=\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Java: system properties", "https://docs.oracle.com/en/java/javase/21/docs/specs/man/java.html")
        .examples("java -Djavax.net.ssl.keyStorePassword=«%{password}» -jar a.jar", "java -Dpassword=x"),
    token("password", &["echo ", "printf "], r#"(?:echo|printf)(?: -[neE]{1,3})? \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})\\*['"]? \| (?:sudo -S|sudo [a-z -]{0,30}passwd|passwd --stdin|docker login|podman login|kinit|helm registry login|cryptsetup|gpg|openssl|su |ssh-add|age)"#)
        .check(Check::Opaque)
        .source("Docker: docker login", "https://docs.docker.com/reference/cli/docker/login/#password-stdin")
        .examples("echo «%{password}» | docker login -u a --password-stdin h", "echo hello | docker login"),
    token("password", &["echo ", "printf "], r#"(?:echo|printf)(?: -[neE]{1,3})? \\*['"]?[a-z_][A-Za-z0-9_-]{0,31}:(?P<secret>[!-~&&[^\x22'\\|;<>]]{4,})\\*['"]? \| (?:sudo )?chpasswd"#)
        .check(Check::Login)
        .source("shadow: chpasswd", "https://man7.org/linux/man-pages/man8/chpasswd.8.html")
        .examples("echo 'root:«%{password}»' | chpasswd", "echo root | chpasswd"),
    token("password", &["requirepass ", "masterauth ", "AUTH ", "sentinel auth-pass "], r#"(?:requirepass|masterauth|AUTH|sentinel auth-pass [!-~]{1,40}) \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Redis: security", "https://redis.io/docs/latest/operate/oss_and_stack/management/security/")
        .examples("requirepass «%{password}»", "requirepass foobared; AUTH LOGIN"),
    token("password", &["jdbc:oracle:"], r#"jdbc:oracle:[a-z0-9]{2,8}:[^/[ \t\r\n]:@]{1,64}/(?P<secret>[!-~&&[^@"'\\]]{4,})@"#)
        .check(Check::Login)
        .source("Oracle: JDBC URLs", "https://docs.oracle.com/en/database/oracle/oracle-database/23/jjdbc/data-sources-and-URLs.html")
        .examples("jdbc:oracle:thin:app/«%{b62:12}»@h:1521:x", "jdbc:oracle:thin:@h:1521:x"),
    token("password", &["identified ", "IDENTIFIED ", "Identified "], r#"(?i:identified[ \t\r\n]{1,4}(?:with[ \t\r\n]{1,4}\\*['"`]?[A-Za-z0-9_$]{1,40}\\*['"`]?[ \t\r\n]{1,4})?(?:by|as)[ \t\r\n]{1,4}(?:password[ \t\r\n]{1,4})?)\\*['"](?P<secret>[!-~&&[^'"\\]]{4,200})\\*['"]"#)
        .check(Check::Opaque)
        .source("MySQL: CREATE USER", "https://dev.mysql.com/doc/refman/8.4/en/create-user.html")
        .examples("CREATE USER 'a'@'%' IDENTIFIED WITH mysql_native_password BY '«hunter%{digit:3}»';", "the library is identified by 'name'"),
    token("password", &["identified ", "IDENTIFIED ", "Identified "], r#"(?i:identified[ \t\r\n]{1,4}(?:with[ \t\r\n]{1,4}\\*['"`]?[A-Za-z0-9_$]{1,40}\\*['"`]?[ \t\r\n]{1,4})?(?:by|as)[ \t\r\n]{1,4}(?:password[ \t\r\n]{1,4})?)(?P<secret>[A-Za-z0-9_$#!%*+.-]{6,128})"#)
        .check(Check::Opaque)
        .source("Oracle: CREATE USER", "https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/CREATE-USER.html")
        .examples("CREATE USER a IDENTIFIED BY «hunter%{digit:3}»;", "each row is identified by id_column2"),
    token("password", &["INTO ", "into "], r#"(?i:into[ \t\r\n]{1,4}[A-Za-z0-9_."`\[\]]{1,80}[ \t\r\n]{0,4}\()(?:[A-Za-z0-9_"`\[\] ]{1,40},[ \t\r\n]{0,4}){0,8}?(?i:[A-Za-z0-9_"`\[\]]{0,20}(?:password|passwd|pwd|secret|token|api_key)["`\]]?)(?:,[ \t\r\n]{0,4}[A-Za-z0-9_"`\[\] ]{1,40}){0,8}\)[ \t\r\n]{0,4}(?i:values)[ \t\r\n]{0,4}\((?:[ -~&&[^,()]]{1,80},[ \t\r\n]{0,4}){0,8}?\\*['"](?P<secret>[!-~&&[^'"\\,]]{8,200})\\*['"]"#)
        .check(Check::Opaque)
        .source("PostgreSQL: INSERT", "https://www.postgresql.org/docs/current/sql-insert.html")
        .examples("INSERT INTO users (name, password) VALUES ('a', '«%{password}»');", "INSERT INTO users (name, password) VALUES ('a', ?);"),
    token("password", &["pgp_sym_", "aes_encrypt(", "AES_ENCRYPT(", "aes_decrypt(", "AES_DECRYPT(", "crypt("], r#"(?i:pgp_sym_(?:en|de)crypt(?:_bytea)?|aes_(?:en|de)crypt|crypt)\([ -~&&[^()'"]]{1,80},[ \t\r\n]{0,4}\\*['"](?P<secret>[!-~&&[^'"\\]]{6,200})\\*['"]"#)
        .check(Check::Opaque)
        .source("PostgreSQL: pgcrypto", "https://www.postgresql.org/docs/current/pgcrypto.html")
        .examples("SELECT pgp_sym_decrypt(d, '«hunter%{digit:3}»')", "SELECT crypt(x, 'bf')"),
    token("password", &["use ", "Use "], r#"[Uu]se \\*['"`]?(?P<secret>[!-~&&[^\x22'\\`]]{8,64})\\*['"`]? (?:as|for) (?:the|your|my|our|a) (?:new |temporary |initial )?(?:password|passphrase|token|API key|secret)"#)
        .check(Check::Opaque)
        .source("CWE-798: use of hard-coded credentials", "https://cwe.mitre.org/data/definitions/798.html")
        .examples("use «%{password}» as the password", "use it as the password"),
    token("password", &["login: ", "Login: ", "login with ", "Login with ", "log in with ", "Log in with ", "credentials: ", "Credentials: ", "credentials are "], r#"(?:[Ll]ogin|[Ll]og in|[Cc]redentials)(?:: | with | are )\\*['"`]?[A-Za-z0-9_.@-]{2,40}\\*['"`]?(?: ?/ ?|:)\\*['"`]?(?P<secret>[!-~&&[^\x22'\\`/]]{8,64})"#)
        .check(Check::Mixed)
        .source("CWE-798: use of hard-coded credentials", "https://cwe.mitre.org/data/definitions/798.html")
        .examples("login: admin / «%{password}»", "login: admin / password"),
    token("cookie", &["cookie: ", "Cookie: ", "COOKIE: ", "cookie=", "Cookie=", "cookie\\\": \\\"", "cookie\\\":\\\"", "ookie\": \"", "ookie\":\""], r#"(?i:c?ookie)\\*['"]?[:=] ?\\*['"]?(?:[A-Za-z0-9_.-]{1,64}=[!-~&&[^;"'\\]]{0,80}; ?){0,12}?[A-Za-z0-9_.-]{1,64}=(?:s(?:%3A|:))?(?P<secret>[!-~&&[^;"'\\]]{12,})"#)
        .check(Check::Random)
        .boundary(Boundary::Anything)
        .source("RFC 6265: HTTP cookies", "https://www.rfc-editor.org/rfc/rfc6265")
        .examples("Cookie: theme=dark; session=«%{b62:32}»", "Cookie: theme=dark; lang=en"),
    token("cookie", &["-b ", "--cookie ", "--cookie="], r#"(?:-b|--cookie)[ =]\\*['"]?(?:[A-Za-z0-9_.-]{1,64}=[!-~&&[^;"'\\]]{0,80}; ?){0,12}?[A-Za-z0-9_.-]{1,64}=(?P<secret>[!-~&&[^;"'\\]]{12,})"#)
        .check(Check::Random)
        .source("curl: --cookie", "https://curl.se/docs/manpage.html#-b")
        .examples("curl -b \"sessionid=«%{b36:32}»\" https://h", "curl -b cookies.txt"),
    token("authorization", &["response=", "Signature=", "signature="], r#"(?:response|[Ss]ignature)=\\*['"]?(?P<secret>[0-9a-f]{32,128})"#)
        .source("RFC 7616: Digest authentication", "https://www.rfc-editor.org/rfc/rfc7616")
        .examples("Authorization: Digest username=\"x\", response=\"«%{hex:32}»\"", "response=200"),
];
