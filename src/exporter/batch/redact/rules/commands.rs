//! Secrets in the arguments of commands: which programs, and the flag or the arguments before the secret.

use crate::exporter::batch::redact::rule::{Check, Rule, command};

/// Arguments of commands; the table below names each program once for each flag.
#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    command(&["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldappasswd", "ldapmodrdn", "ldapcompare", "ldapvi", "dsconf", "kadmin", "vsql"], "-w ?")
        .source("OpenLDAP: ldapsearch", "https://www.openldap.org/software/man.cgi?query=ldapsearch")
        .examples("ldapsearch -x -D cn=admin -w «%{password}» -b dc=x", "ldapsearch -x -W -b dc=example"),
    command(&["7z ", "7za ", "7zr ", "7zz "], "-p")
        .source("7-Zip: the -p switch", "https://7-zip.opensource.jp/chm/cmdline/switches/password.htm")
        .examples("7z x a.7z -p«%{password}»", "7z x archive.7z -p"),
    command(&["zip ", "unzip ", "zipcloak ", "ipmitool", "sqlcmd", "osql", "isql ", "tsql ", "bcp ", "mosquitto_pub", "mosquitto_sub", "knife "], "-P ?")
        .source("Info-ZIP: unzip", "https://infozip.sourceforge.net/UnZip.html")
        .examples("unzip -P «%{password}» a.zip", "unzip -P password a.zip"),
    command(&["unrar", "rar "], "-h?p")
        .source("RAR: console manual", "https://www.win-rar.com/support.html")
        .examples("unrar x -p«%{password}» a.rar", "unrar x -p- a.rar"),
    command(&["mongo ", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat", "rdesktop", "cqlsh", "nodetool", "helm registry login", "az login", "oc login", "influx ", "docker login", "podman login", "nerdctl login", "buildah login", "skopeo login", "kinit", "clickhouse-client", "sshpass", "beeline", "cypher-shell", "twine upload", "poetry publish", "racadm", "veracrypt", "security unlock-keychain", "doveadm pw", "ncftpput", "ncftpget", "mutool", "elasticsearch-users", "useradd", "usermod"], "-p[ =]?")
        .source("MongoDB: mongosh options", "https://www.mongodb.com/docs/mongodb-shell/reference/options/")
        .examples("mongosh -u admin -p «%{password}» --quiet", "mongosh -p $PASSWORD"),
    command(&["evil-winrm", "crackmapexec", "netexec", "nxc ", "hydra", "medusa", "enum4linux", "bloodhound-python", "certipy", "psexec", "PsExec", "winrs"], "-p[ :]?")
        .source("Impacket", "https://github.com/fortra/impacket")
        .examples("netexec smb h -u a -p «%{password}»", "hydra -p $PASS"),
    command(&["plink", "pscp", "psftp", "putty", "klink", "addprinc", "change_password", "cpw ", "nzsql"], "-pw +")
        .source("PuTTY: command-line options", "https://the.earth.li/~sgtatham/putty/latest/htmldoc/Chapter3.html")
        .examples("plink -ssh a@h -pw «%{password}» ls", "plink -pwfile f"),
    command(&["smbclient", "rpcclient", "smbget", "smbmap", "net rpc", "net ads", "winexe", "wmic "], r#"(?:-U ?|--user[= ])\\*["']?[^%\s"']{1,64}%"#)
        .source("Samba: smbclient", "https://www.samba.org/samba/docs/current/man-html/smbclient.1.html")
        .examples("smbclient //h/s -U admin%«%{password}»", "smbclient //host/share -U admin"),
    command(&["xfreerdp", "wfreerdp", "cmdkey", "wmic ", "winscp", "WinSCP", "schtasks", "mstsc"], "/(?:p|pass|password|rp)(?:[:=]| +)")
        .source("FreeRDP: command line", "https://github.com/FreeRDP/FreeRDP/wiki/CommandLineInterface")
        .examples("xfreerdp /u:a /p:«%{password}» /v:h", "xfreerdp /u:a /v:h"),
    command(&["htpasswd", "mosquitto_passwd", "htdbm"], r"-[a-zA-Z]{0,6}b[a-zA-Z0-9]{0,6}(?: +-[a-zA-Z0-9]{1,8}){0,4} +[^\s-]\S{0,80} +\S{1,64} +")
        .source("Apache: htpasswd", "https://httpd.apache.org/docs/current/programs/htpasswd.html")
        .examples("htpasswd -bc f admin «%{password}»", "htpasswd -bc file admin password"),
    command(&["htpasswd"], r"-[a-zA-Z]{0,6}(?:nb|bn)[a-zA-Z0-9]{0,6} +\S{1,64} +")
        .source("Apache: htpasswd", "https://httpd.apache.org/docs/current/programs/htpasswd.html")
        .examples("htpasswd -nbB admin «%{password}»", "htpasswd -nbB admin password"),
    command(&["openssl enc", "openssl aes", "openssl des", "openssl camellia"], "-k +")
        .source("OpenSSL: enc", "https://docs.openssl.org/master/man1/openssl-enc/")
        .examples("openssl enc -aes-256-cbc -k «%{password}» -in a", "openssl enc -k $KEY"),
    command(&["openssl"], "-(?:pass|passin|passout|password|passphrase) +pass:")
        .source("OpenSSL: pass phrase options", "https://docs.openssl.org/master/man1/openssl-passphrase-options/")
        .examples("openssl pkcs12 -export -password pass:«%{password}»", "openssl rsa -passin pass:$PASS"),
    command(&["openssl passwd"], "(?:-[0-9a-z]{1,8} +){0,3}")
        .source("OpenSSL: passwd", "https://docs.openssl.org/master/man1/openssl-passwd/")
        .examples("openssl passwd -6 «%{password}»", "openssl passwd -6 -stdin"),
    command(&["gpg ", "gpg2 "], "--passphrase[ =]")
        .source("GnuPG: --passphrase", "https://www.gnupg.org/documentation/manuals/gnupg/GPG-Esoteric-Options.html")
        .examples("gpg --batch --passphrase «%{password}» -d f", "gpg --passphrase-file f"),
    command(&["http ", "https ", "xh "], r#"(?:-a|--auth)[ =]\\*["']?[^:\s"']{1,64}:"#)
        .source("HTTPie: authentication", "https://httpie.io/docs/cli/authentication")
        .examples("http -a admin:«%{password}» GET https://h", "http -a admin GET https://h"),
    command(&["curl ", "etcdctl", "nats ", "ab ", "hey ", "grpcurl"], r#"(?:-[a-zA-Z]{0,4}[uUA]|--user|--proxy-user)[ =]?\\*["']?[^:\s"']{1,80}:"#)
        .source("curl: --user", "https://curl.se/docs/manpage.html#-u")
        .examples("curl -s -u admin:«%{password}» https://ci.example.org/api", "curl -u \"$USER:$PASS\" https://ci.example.org"),
    command(&["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk", "snmptrap"], "(?:-A|-X) +")
        .source("Net-SNMP: snmpcmd", "https://www.net-snmp.org/docs/man/snmpcmd.html")
        .examples("snmpwalk -v3 -u a -A «%{password}» h", "snmpwalk -v3 -u a -a SHA h"),
    command(&["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk", "snmptrap"], "-X +")
        .source("Net-SNMP: snmpcmd", "https://www.net-snmp.org/docs/man/snmpcmd.html")
        .examples("snmpwalk -v3 -u a -X «%{password}» h", "snmpwalk -v3 -u a -x AES h"),
    command(&["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk", "snmptrap"], "-c +")
        .source("Net-SNMP: snmpcmd", "https://www.net-snmp.org/docs/man/snmpcmd.html")
        .examples("snmpwalk -v2c -c «%{password}» h", "snmpwalk -v2c -c public h"),
    command(&["keytool", "jarsigner", "apksigner"], "-(?:store|key|src)pass[ =](?:pass:)?")
        .source("Java: keytool", "https://docs.oracle.com/en/java/javase/21/docs/specs/man/keytool.html")
        .examples("keytool -list -storepass «%{password}»", "keytool -list -storepass changeit"),
    command(&["keytool", "jarsigner"], "-(?:key|deststore|srcstore)pass[ =](?:pass:)?")
        .source("Java: jarsigner", "https://docs.oracle.com/en/java/javase/21/docs/specs/man/jarsigner.html")
        .examples("jarsigner -storepass:env X -keypass «%{password}» a.jar b", "jarsigner -keypass:env X"),
    command(&["net user", "NET USER", "samba-tool user create", "samba-tool user add"], r"\S{1,40} +")
        .source("Windows: net user", "https://learn.microsoft.com/troubleshoot/windows-server/networking/net-commands-on-operating-systems")
        .check(Check::Opaque)
        .examples("net user alice «%{password}» /add", "net user alice /add"),
    command(&["net use", "NET USE"], r"(?:[A-Za-z*]:? +)?\\\\\S{1,100} +")
        .source("Windows: net use", "https://learn.microsoft.com/windows-server/administration/windows-commands/net-use")
        .examples("net use Z: \\\\host\\share «%{password}» /user:a", "net use Z: \\\\host\\share"),
    command(&["rabbitmqctl add_user", "rabbitmqctl change_password", "rabbitmqctl authenticate_user", "radtest", "bw login", "drush upwd", "drush user:password", "ktutil"], r"\S{1,64} +")
        .source("RabbitMQ: rabbitmqctl", "https://www.rabbitmq.com/docs/man/rabbitmqctl.8")
        .check(Check::Opaque)
        .examples("rabbitmqctl add_user a «%{password}»", "rabbitmqctl add_user a"),
    command(&["ejabberdctl register", "networksetup -setairportnetwork", "mc admin user add", "twilio login"], r"\S{1,64} +\S{1,64} +")
        .source("ejabberd: ejabberdctl", "https://docs.ejabberd.im/admin/guide/managing/")
        .check(Check::Opaque)
        .examples("ejabberdctl register alice example.net «%{password}»", "ejabberdctl register alice example.net"),
    command(&["mc alias set", "mc config host add"], r"\S{1,40} +\S{1,100} +\S{3,64} +")
        .source("MinIO: mc alias set", "https://min.io/docs/minio/linux/reference/minio-mc/mc-alias-set.html")
        .check(Check::Opaque)
        .examples("mc alias set m https://h minioadmin «%{b62:40}»", "mc alias set m https://h"),
    command(&["mc alias set", "mc config host add"], r"\S{1,40} +\S{1,100} +")
        .source("MinIO: mc alias set", "https://min.io/docs/minio/linux/reference/minio-mc/mc-alias-set.html")
        .check(Check::Opaque)
        .examples("mc alias set m https://h «%{b62:20}»", "mc alias set m https://h ACCESS"),
    command(&["wpa_passphrase"], r"\S{1,40} +")
        .source("wpa_supplicant: wpa_passphrase", "https://w1.fi/wpa_supplicant/")
        .examples("wpa_passphrase home «%{password}»", "wpa_passphrase home"),
    command(&["nmcli", "mysqladmin", "netsh wlan"], "password[ =]")
        .source("NetworkManager: nmcli", "https://networkmanager.dev/docs/api/latest/nmcli.html")
        .examples("nmcli dev wifi connect home password «%{password}»", "nmcli dev wifi connect home"),
    command(&["mysql", "mariadb", "mydumper", "percona"], "-p")
        .source("MySQL: connecting with command options", "https://dev.mysql.com/doc/refman/8.4/en/connecting.html")
        .examples("mysqldump -h db -u root -p«%{password}» app > dump.sql", "mysql -h db -u root -p app"),
    command(&["redis-cli", "keydb-cli", "valkey-cli"], "(?:-a|--pass) ?")
        .source("Redis: redis-cli", "https://redis.io/docs/latest/develop/tools/cli/")
        .examples("redis-cli -h h -a «%{password}» ping", "redis-cli -p 6379 -a $REDIS_PASSWORD"),
    command(&["lftp", "ncftp"], "-u ?[^,\\s]{1,64},")
        .source("lftp", "https://lftp.yar.ru/lftp-man.html")
        .examples("lftp -u a,«%{password}» h", "lftp -u a h"),
    command(&["db2 connect", "db2 CONNECT", "db2 attach"], r"(?i:user) +\S{1,64} +(?i:using) +")
        .source("Db2: CONNECT", "https://www.ibm.com/docs/en/db2/11.5?topic=statements-connect-type-1")
        .examples("db2 connect to app user a using «%{password}»", "db2 connect to app user a"),
    command(&["ssh-keygen"], "-[NP] +")
        .source("OpenSSH: ssh-keygen", "https://man.openbsd.org/ssh-keygen")
        .examples("ssh-keygen -t ed25519 -N '«%{password}»' -f k", "ssh-keygen -t ed25519 -N '' -f k"),
    command(&["security add-generic-password", "security add-internet-password"], "-w +")
        .source("Apple: Keychain services", "https://developer.apple.com/documentation/security/keychain-services")
        .examples("security add-generic-password -a me -s x -w «%{password}»", "security add-generic-password -w $PASS"),
    command(&["slappasswd"], "-s +")
        .source("OpenLDAP: slappasswd", "https://www.openldap.org/software/man.cgi?query=slappasswd")
        .examples("slappasswd -s «%{password}»", "slappasswd -h {SSHA}"),
    command(&["pdftotext", "pdftoppm", "pdfinfo", "pdfimages"], "-[uo]pw +")
        .source("Poppler: pdftotext", "https://poppler.freedesktop.org/")
        .examples("pdftotext -upw «%{password}» a.pdf", "pdftotext a.pdf"),
    command(&["swaks", "sendemail", "sendEmail"], "-(?:ap|xp) +")
        .source("Swaks", "https://jetmore.org/john/code/swaks/")
        .examples("swaks -t a@x.example -au a -ap «%{password}»", "swaks -t a@x.example"),
    command(&["vmrun"], "-[gv]p +")
        .source("VMware: vmrun", "https://docs.vmware.com/en/VMware-Workstation-Pro/")
        .examples("vmrun -gu a -gp «%{password}» list", "vmrun list"),
    command(&["dscl "], r"-passwd +\S{1,80} +")
        .source("Apple: dscl", "https://ss64.com/mac/dscl.html")
        .examples("dscl . -passwd /Users/a «%{password}»", "dscl . -list /Users"),
    command(&["rclone obscure", "vault login", "cargo login", "npm token", "ansible-vault encrypt_string", "bw unlock", "snyk auth", "ngrok authtoken", "ngrok config add-authtoken", "cloudflared service install", "nuget setapikey", "grafana-cli admin reset-admin-password", "grafana cli admin reset-admin-password", "neo4j-admin set-initial-password", "neo4j-admin dbms set-initial-password", "mkpasswd"], "")
        .source("HashiCorp Vault: vault login", "https://developer.hashicorp.com/vault/docs/commands/login")
        .check(Check::Opaque)
        .examples("vault login «%{b62:26}»", "vault login"),
    command(&["gitlab-runner register", "doctl auth init", "glab auth login", "oc login"], "(?:-r|-t) +")
        .source("GitLab Runner: registering runners", "https://docs.gitlab.com/runner/register/")
        .check(Check::Opaque)
        .examples("gitlab-runner register -r «%{b62:20}»", "gitlab-runner register -r $TOKEN"),
    command(&["nuget push", "dotnet nuget push", "gem push", "NuGet push"], "(?:-k|--api-key|-ApiKey) +")
        .source("NuGet: dotnet nuget push", "https://learn.microsoft.com/dotnet/core/tools/dotnet-nuget-push")
        .check(Check::Opaque)
        .examples("dotnet nuget push a.nupkg -k «%{b62:40}»", "dotnet nuget push a.nupkg -k $KEY"),
    command(&["wg set"], r"(?:private-key|preshared-key) +")
        .source("WireGuard: wg", "https://www.wireguard.com/quickstart/")
        .check(Check::Opaque)
        .examples("wg set wg0 private-key «%{b62:43}=»", "wg set wg0 private-key /etc/key"),
    command(&["gh secret set", "gh variable set"], "(?:-b|--body)[ =]")
        .source("GitHub CLI: gh secret set", "https://cli.github.com/manual/gh_secret_set")
        .check(Check::Opaque)
        .examples("gh secret set TOKEN --body «%{b62:40}»", "gh secret set TOKEN --body-file f"),
    command(&["restic", "borg ", "duplicity", "pdftk", "qpdf"], "(?:--password[ =]|user_pw +|owner_pw +|input_pw +)")
        .source("qpdf", "https://qpdf.readthedocs.io/en/stable/cli.html")
        .examples("qpdf --password=«%{password}» --decrypt a b", "qpdf --decrypt a b"),
    command(&["java ", "mvn ", "gradle ", "gradlew "], "-D[A-Za-z0-9_.-]{0,60}[Pp]assword=")
        .source("Java: system properties", "https://docs.oracle.com/en/java/javase/21/docs/specs/man/java.html")
        .examples("java -Djavax.net.ssl.keyStorePassword=«%{password}» -jar a.jar", "java -Dpassword=x"),
    command(&["net use", "NET USE", "runas"], "/(?:user|USER):\\S{1,64} +")
        .source("Windows: net use", "https://learn.microsoft.com/windows-server/administration/windows-commands/net-use")
        .examples("net use \\\\host\\share /user:alice «%{password}»", "runas /user:alice cmd"),
    command(&["az keyvault secret set", "aws ssm put-parameter", "aws secretsmanager"], "(?:--value|--secret-string)[ =]")
        .source("Azure CLI: az keyvault secret", "https://learn.microsoft.com/cli/azure/keyvault/secret")
        .check(Check::Opaque)
        .examples("az keyvault secret set --vault-name v --name n --value «%{b62:32}»", "aws ssm put-parameter --value $X"),
    command(&["poetry config http-basic", "composer config http-basic", "composer config --global http-basic", "composer config -g http-basic"], r"\S{1,64} +")
        .source("Composer: http-basic", "https://getcomposer.org/doc/articles/authentication-for-private-packages.md")
        .check(Check::Opaque)
        .examples("composer config http-basic.repo.example.net alice «%{b62:24}»", "composer config http-basic.repo.example.net alice"),
    command(&["poetry config pypi-token"], "")
        .source("Poetry: configuring credentials", "https://python-poetry.org/docs/repositories/#configuring-credentials")
        .check(Check::Opaque)
        .examples("poetry config pypi-token.acme «%{b62:40}»", "poetry config pypi-token.acme $TOKEN"),
    command(&["bundle config"], r"\S{1,80} +[^:\s]{1,64}:")
        .source("Bundler: credentials for gem sources", "https://bundler.io/man/bundle-config.1.html")
        .check(Check::Opaque)
        .examples("bundle config set gems.example.net alice:«%{b62:20}»", "bundle config set path vendor"),
    command(&["dotnet user-secrets set"], r#"\\*["']?[A-Za-z0-9:_.-]{0,80}(?i:password|secret|key|token|pwd|connectionstring)\\*["']? +"#)
        .source(".NET: app secrets", "https://learn.microsoft.com/aspnet/core/security/app-secrets")
        .check(Check::Opaque)
        .examples("dotnet user-secrets set \"Db:Password\" \"«%{password}»\"", "dotnet user-secrets set \"Db:Password\" \"$PW\""),
    command(&["iwconfig"], r"(?:key|enc) +(?:s:)?")
        .source("Wireless tools: iwconfig", "https://linux.die.net/man/8/iwconfig")
        .check(Check::Opaque)
        .examples("iwconfig wlan0 key s:«%{b62:13}»", "iwconfig wlan0 key off"),
    command(&["nmcli"], r"(?:wifi-sec\.psk|802-11-wireless-security\.psk|wifi-sec\.wep-key[0-3]) +")
        .source("NetworkManager: nmcli", "https://networkmanager.dev/docs/api/latest/nmcli.html")
        .examples("nmcli con modify home wifi-sec.psk «%{password}»", "nmcli con show home"),
    command(&["reg add", "REG ADD"], r"/v +[A-Za-z0-9_.-]{0,40}(?i:password|passwd|pwd|secret|token|key) +(?:/t +[A-Za-z_]{4,20} +)?/d +")
        .source("Windows: reg add", "https://learn.microsoft.com/windows-server/administration/windows-commands/reg-add")
        .check(Check::Opaque)
        .examples("reg add HKLM/X /v DefaultPassword /t REG_SZ /d «%{password}»", "reg add HKLM/X /v DefaultUserName /d alice"),
    command(&["vncviewer", "x11vnc", "tigervnc", "vncconnect"], "-(?:passwd|password)[ =]")
        .source("x11vnc: options", "https://linux.die.net/man/1/x11vnc")
        .examples("x11vnc -display :0 -passwd «%{password}»", "x11vnc -display :0 -passwdfile f"),
    command(&["wp user create", "wp user update", "wp core install", "wp config create"], "--(?:user_pass|admin_password|dbpass)=")
        .source("WP-CLI: commands", "https://developer.wordpress.org/cli/commands/user/create/")
        .examples("wp user create a a@x.example --user_pass=«%{password}»", "wp user create a a@x.example"),
];
