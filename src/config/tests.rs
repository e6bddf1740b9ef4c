use super::*;
use crate::forge::ForgeKind;

fn mistakes(text: &str) -> Vec<String> {
    match read("tidegate.yaml", text) {
        Ok(_) => Vec::new(),
        Err(error) => error.mistakes.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn three_lines_are_enough() {
    let settings = read(
        "f",
        "repo:\n  url: ssh://git@github.com/acme/fleet.git\n  branch: trunk\n",
    )
    .unwrap();
    assert_eq!(settings.repo.branch.as_str(), "trunk");
    assert_eq!(settings.repo.poll, std::time::Duration::from_secs(30));
    assert_eq!(settings.repo.key, KeySource::Secret("tidegate-deploy-key".into()));
    assert!(settings.automation.enabled && settings.sync.enabled);
}

#[test]
fn every_mistake_is_listed_at_once_with_its_line() {
    let text = "repo:\n  ulr: ssh://git@github.com/acme/fleet.git\n  poll: soon\nregistries:\n- scan: 1m\n  cron: \"* * * * *\"\n\
                - {host: a.example, cron: \"61 * * * *\"}\nsync: {deletions: {count: many, percent: 200}}\nhttp: {listen: here}\nextra: 1\n";
    let found = mistakes(text);
    for part in [
        "1: repo.url: missing",
        "2: repo.ulr: unknown key; did you mean url?",
        "3: repo.poll: \"soon\" is not a duration",
        "5: registries[0].host: missing",
        "6: registries[0].cron: scan and cron exclude each other",
        "7: registries[1].cron: \"61 * * * *\" is not a cron expression",
        "8: sync.deletions.count: expected a whole number, found a string",
        "8: sync.deletions.percent: 200 is too large",
        "9: http.listen: \"here\" is not an address",
        "10: extra: unknown key; known here:",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(part)),
            "{part} is not in {found:#?}"
        );
    }
    assert_eq!(found.len(), 10, "{found:#?}");
    assert!(found.is_sorted_by_key(|line| line.split(':').next().and_then(|line| line.parse::<u32>().ok())));
}

#[test]
fn a_text_that_is_not_yaml_is_reported_with_its_line() {
    let found = mistakes("repo:\n  url: [\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("not YAML"), "{found:?}");
    let cut = mistakes("a: 1\nrepo: {url: x, bra");
    assert!(cut[0].starts_with("2: this is not YAML"), "{cut:?}");
}

#[test]
fn an_empty_file_asks_for_the_address_only() {
    let found = mistakes("");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("repo.url: missing"), "{found:?}");
}

#[test]
fn a_registry_by_cron_and_one_by_period() {
    let text = "repo: {url: \"git@github.com:acme/fleet.git\"}\nregistries:\n- {host: a.example, cron: \"*/2 8-18 * * MON-FRI\"}\n\
                - {host: b.example, scan: 90s}\n- {host: c.example}\n";
    let settings = read("f", text).unwrap();
    let schedules: Vec<_> = settings
        .registries
        .iter()
        .map(|registry| registry.schedule.clone())
        .collect();
    let every = |seconds| Schedule::Every(std::time::Duration::from_secs(seconds));
    assert_eq!(
        schedules,
        [Schedule::Cron("*/2 8-18 * * MON-FRI".into()), every(90), every(60)]
    );
}

#[test]
fn an_https_address_has_a_login_and_plain_http_must_be_allowed() {
    let text = "repo:\n  url: https://git.acme.example/fleet.git\n  http: {credentials: /login, caFile: /ca.crt}\n";
    let http = read("f", text).unwrap().repo.http;
    assert_eq!(http.credentials.as_deref(), Some(std::path::Path::new("/login")));
    assert_eq!(http.ca_file.as_deref(), Some(std::path::Path::new("/ca.crt")));
    let plain = "repo:\n  url: http://git.acme.example/fleet.git\n";
    let found = mistakes(plain);
    assert!(
        found[0].starts_with("2: repo.url: http:// is not encrypted"),
        "{found:?}"
    );
    read("f", &format!("{plain}  http: {{plaintext: true}}\n")).unwrap();
    read("f", "repo: {url: \"http://127.0.0.1:3000/fleet.git\"}\n").unwrap();
}

const SIGNERS: &str = "  verify:\n    allowedSigners: |\n      jo@acme.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";

#[test]
fn an_agent_that_verifies_signatures_must_sign_its_commits() {
    let file = |more: &str| format!("repo:\n  url: git@github.com:acme/fleet.git\n{SIGNERS}{more}");
    let found = mistakes(&file(""));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("3: repo.verify: ") && found[0].contains("automation.signing"),
        "{found:?}"
    );
    for more in [
        "automation: {signing: {deployKey: true}}\n",
        "automation: {signing: {secret: signing-key}}\n",
        "automation: {enabled: false}\n",
    ] {
        assert_eq!(mistakes(&file(more)), Vec::<String>::new(), "{more}");
    }
}

#[test]
fn mistakes_about_keys_and_signers_are_listed() {
    let text = "repo:\n  url: git@github.com:acme/fleet.git\n  key: {type: dsa}\n  verify: {allowedSigners: jo}\n\
                automation: {signing: {deployKey: true, file: key}}\n";
    let found = mistakes(text);
    for part in [
        "3: repo.key.type: expected ed25519, rsa, ecdsa or ecdsa-p384, found \"dsa\"",
        "4: repo.verify.allowedSigners: line 1 of the allowed signers: ",
        "5: automation.signing.deployKey: deployKey, secret and file exclude each other",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(part)),
            "{part} is not in {found:#?}"
        );
    }
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn the_kind_of_key_to_make_is_one_that_the_forge_accepts() {
    use crate::git::KeyKind;
    for (url, more, want) in [
        ("git@github.com:acme/fleet.git", "", KeyKind::Ed25519),
        ("git@github.com:acme/fleet.git", "  key: {type: rsa}\n", KeyKind::Rsa),
        ("git@ssh.dev.azure.com:v3/acme/shop/fleet", "", KeyKind::Rsa),
    ] {
        let settings = read("f", &format!("repo:\n  url: {url}\n{more}")).unwrap();
        assert_eq!(settings.repo.key_kind, want, "{url} {more}");
    }
}

fn pushed(automation: &str, url: &str) -> Push {
    let text = format!("repo: {{url: \"{url}\"}}\nautomation: {automation}\n");
    read("f", &text).unwrap().automation.push
}

#[test]
fn bumps_are_pushed_directly_unless_the_file_asks_for_a_branch() {
    let url = "ssh://git@github.com/acme/fleet.git";
    assert_eq!(pushed("{}", url), Push::Direct);
    let Push::Branch(branch) = pushed("{push: branch}", url) else {
        panic!()
    };
    assert_eq!(branch.as_str(), "tidegate/main");
}

#[test]
fn the_forge_its_address_and_the_project_follow_from_the_repositorys_address() {
    let request = |more: &str, url: &str| match pushed(&format!("{{push: pull-request, pullRequest: {{{more}}}}}"), url)
    {
        Push::PullRequest(_, request) => (request.forge, request.api, request.project),
        other => panic!("{other:?}"),
    };
    let want = |forge, api: &str, project: &str| (forge, api.to_owned(), project.to_owned());
    assert_eq!(
        request("tokenFile: t", "git@github.com:acme/fleet.git"),
        want(ForgeKind::GitHub, "https://api.github.com", "acme/fleet")
    );
    assert_eq!(
        request("tokenFile: t, forge: github", "ssh://git@ghe.acme.example/acme/fleet"),
        want(ForgeKind::GitHub, "https://ghe.acme.example/api/v3", "acme/fleet")
    );
    assert_eq!(
        request("tokenFile: t", "ssh://git@altssh.gitlab.com:443/acme/team/fleet.git"),
        want(ForgeKind::GitLab, "https://gitlab.com/api/v4", "acme/team/fleet")
    );
    assert_eq!(
        request(
            "tokenFile: t, forge: gitea, project: a/b",
            "ssh://git@git.acme.example:2222/x/y.git"
        ),
        want(ForgeKind::Gitea, "https://git.acme.example/api/v1", "a/b")
    );
    assert_eq!(
        request(
            "",
            "ssh://APKAEXAMPLE@git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/fleet"
        ),
        want(
            ForgeKind::CodeCommit("cn-north-1".into()),
            "https://codecommit.cn-north-1.amazonaws.com.cn",
            "fleet"
        )
    );
}

#[test]
fn missing_and_contradictory_settings_of_pull_requests_are_listed() {
    let text =
        |automation: &str| format!("repo: {{url: \"ssh://git@git.acme.example/a/b\"}}\nautomation: {automation}\n");
    for (automation, part) in [
        (
            "{push: sideways}",
            "automation.push: expected direct, branch or pull-request, found \"sideways\"",
        ),
        (
            "{push: pull-request, pullRequest: {tokenFile: t}}",
            "automation.pullRequest.forge: missing",
        ),
        (
            "{push: pull-request, pullRequest: {forge: gitea}}",
            "automation.pullRequest.tokenFile: missing",
        ),
        (
            "{push: branch, branch: main}",
            "automation.branch: this is repo.branch itself",
        ),
        ("{branch: other}", "automation.branch: this branch is written only with"),
        (
            "{push: branch, pullRequest: {forge: gitea}}",
            "automation.pullRequest: pull requests are opened only with",
        ),
        (
            "{push: pull-request, pullRequest: {forge: gitea, tokenFile: t, api: here}}",
            "automation.pullRequest.api: \"here\"",
        ),
    ] {
        let found = mistakes(&text(automation));
        assert!(found.iter().any(|line| line.contains(part)), "{automation}: {found:#?}");
    }
}

#[test]
fn a_commit_message_is_checked_when_it_is_read() {
    use crate::plan::Template;
    let file = |message: &str| {
        format!("repo: {{url: \"ssh://git@git.example/fleet.git\"}}\nautomation:\n  message: {message}\n")
    };
    let settings = read("f", &file("\"{summary} [skip ci]\"")).unwrap();
    assert_eq!(
        settings.automation.message,
        Template::parse("{summary} [skip ci]").unwrap()
    );
    let found = mistakes(&file("\"{sumary}\""));
    assert!(found[0].starts_with("3: automation.message: "), "{found:?}");
    assert!(found[0].contains("there is no {sumary}; write {summary}"), "{found:?}");
}

#[test]
fn platforms_are_checked_when_they_are_read() {
    use crate::policy::{Platform, Platforms};
    let file = |platforms: &str| {
        format!("repo: {{url: \"ssh://git@git.example/fleet.git\"}}\nautomation:\n  platforms: [{platforms}]\n")
    };
    let settings = read("f", &file("linux/arm64")).unwrap();
    let arm = Platform::parse("linux/arm64").unwrap();
    assert_eq!(settings.automation.platforms, Platforms::new(vec![arm]));
    let found = mistakes(&file("arm64"));
    assert!(found[0].contains("write <os>/<architecture>"), "{found:?}");
}

#[test]
fn values_in_lists_of_sections_are_listed_with_their_own_lines() {
    let text = "repo:\n  url: git@github.com:acme/fleet.git\n  paths:\n  - apps\n  - ../up\n  - [a]\n  - 7\n  - ~\n\
                registries:\n- host: a.example\n  include:\n  - shop/**\n  - \"shop/[a\"\n- b.example\n";
    let found = mistakes(text);
    for part in [
        "5: repo.paths[1]: ",
        "6: repo.paths[2]: expected a string, found a list",
        "7: repo.paths[3]: expected a string, found a number: put it in quotes",
        "8: repo.paths[4]: expected a string, found nothing",
        "13: registries[0].include[1]: ",
        "14: registries[1]: expected keys with values, found a string",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(part)),
            "{part} is not in {found:#?}"
        );
    }
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn a_value_that_cannot_be_used_is_not_reported_as_missing_too() {
    assert_eq!(mistakes("repo: {url: 7}\n").len(), 1);
    assert_eq!(
        mistakes("repo: [url]\n"),
        ["1: repo: expected keys with values, found a list"]
    );
    let url = "repo: {url: \"git@github.com:acme/fleet.git\", depth: -1}\n";
    assert_eq!(
        mistakes(url),
        ["1: repo.depth: expected a whole number that is not negative, found -1"]
    );
    assert_eq!(mistakes("7\n"), ["1: expected keys with values, found a number"]);
}

#[test]
fn a_file_of_mistakes_ends() {
    let text: String = (0..5000).map(|key| format!("key{key}: 1\n")).collect();
    assert!(mistakes(&text).len() <= 5001);
    let text = format!(
        "repo: {{url: \"git@github.com:acme/fleet.git\", paths: [{}]}}\n",
        "7, [], ".repeat(5000)
    );
    assert!((100..1000).contains(&mistakes(&text).len()));
}

#[test]
fn the_schema_has_the_default_and_the_meaning_of_every_key() {
    fn check(path: &str, schema: &serde_json::Value) {
        for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            assert!(schema["description"].is_string(), "{path} has no description: {schema}");
            check(&path, schema);
            check(&path, &schema["items"]);
        }
    }
    let schema = schema();
    check("", &schema);
    let repo = &schema["properties"]["repo"];
    assert_eq!(repo["required"], serde_json::json!(["url"]), "{repo}");
    assert_eq!(repo["additionalProperties"], false);
    assert_eq!(repo["properties"]["poll"]["default"], "30s");
    assert_eq!(repo["properties"]["knownHosts"]["default"], "");
    assert_eq!(
        schema["properties"]["registries"]["items"]["required"],
        serde_json::json!(["host"])
    );
    assert_eq!(
        schema["properties"]["sync"]["properties"]["deletions"]["properties"]["percent"]["maximum"],
        100
    );
}

#[test]
fn a_mistake_repeats_little_of_the_file_and_steers_no_terminal() {
    let long = "x".repeat(100_000);
    let (key, value) = (format!("\"\\e[2J{long}\""), format!("\"\\e[2J{long}\""));
    for text in [
        format!("{key}: 1\n"),
        format!("repo: {{url: {value}, branch: {value}, poll: {value}, {key}: 1}}\n"),
        format!(
            "repo: {{url: a@b:c, paths: [{value}]}}\nregistries: [{{host: {value}, cron: {value}, include: [{value}]}}]\n"
        ),
        format!("a: 1\n{key}: 1\n{key}: 1\n"),
        format!("a: *{long}\n"),
    ] {
        let error = read("tidegate.yaml", &text).unwrap_err();
        assert!(
            !error.to_string().chars().any(|c| c.is_control() && c != '\n'),
            "{error}"
        );
        for mistake in &error.mistakes {
            assert!(mistake.to_string().chars().count() < 1200, "{mistake}");
        }
    }
}

/// Without the bound this takes gigabytes.
#[test]
fn the_default_namespace_is_one_that_the_agent_works_in() {
    let text = |namespace: &str| {
        format!(
            "repo: {{url: \"ssh://git@git.example/fleet.git\"}}\nsync: {{namespaces: [a, b], namespace: {namespace}}}\n"
        )
    };
    let settings = read("tidegate.yaml", &text("b")).unwrap();
    assert_eq!(settings.sync.targets[0].namespace.as_deref(), Some("b"));
    let error = read("tidegate.yaml", &text("c")).unwrap_err().to_string();
    assert!(
        error.contains("sync.namespace: expected one of sync.namespaces"),
        "{error}"
    );
}

#[test]
fn aliases_that_stand_for_too_much_are_refused() {
    let items = "x,".repeat(30_000);
    let text = format!("a: &a [{items}]\nb: [{}]\n", "*a,".repeat(30_000));
    let error = read("tidegate.yaml", &text).unwrap_err();
    assert_eq!(error.mistakes.len(), 1);
    assert!(error.to_string().contains("more than 100,000 values"), "{error}");
}

fn registry(keys: &str) -> String {
    format!("repo: {{url: \"git@github.com:acme/fleet.git\"}}\nregistries:\n- {keys}\n")
}

#[test]
fn a_registry_names_a_role_or_a_chain_of_roles() {
    let host = "host: 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn";
    let role = "arn:aws-cn:iam::444455556666:role/reader";
    let text = registry(&format!(
        "{{{host}, roleArn: \"{role}\", externalId: shop-7, sessionName: scan}}"
    ));
    let settings = read("f", &text).unwrap();
    let identity = &settings.registries[0].identity;
    assert_eq!(identity.role().map(|role| role.arn.to_string()).as_deref(), Some(role));
    let base = "arn:aws-cn:iam::111122223333:role/tidegate";
    let text = registry(&format!(
        "{{{host}, roles: [{{roleArn: \"{base}\"}}, {{roleArn: \"{role}\", externalId: shop-7}}]}}"
    ));
    let settings = read("f", &text).unwrap();
    let crate::aws::Identity::Role { through, role: last } = &settings.registries[0].identity else {
        panic!("a chain");
    };
    assert_eq!(
        through.iter().map(|role| role.arn.to_string()).collect::<Vec<_>>(),
        [base]
    );
    assert_eq!(last.arn.to_string(), role);
    let plain = read("f", &registry(&format!("{{{host}}}"))).unwrap();
    assert_eq!(plain.registries[0].identity, crate::aws::Identity::Agent);
}

#[test]
fn mistakes_about_roles_are_listed_with_what_to_write() {
    let host = "host: 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn";
    let good = "arn:aws-cn:iam::444455556666:role/reader";
    let other = "arn:aws:iam::444455556666:role/reader";
    for (keys, part) in [
        (
            format!("{host}, roleArn: reader"),
            "3: registries[0].roleArn: \"reader\" is not the ARN of a role",
        ),
        (
            format!("{host}, externalId: shop-7"),
            "externalId belongs to a role: set roleArn, too",
        ),
        (
            format!("{host}, sessionName: s3"),
            "sessionName belongs to a role: set roleArn, too",
        ),
        (
            format!("{host}, roleArn: \"{good}\", externalId: 123456789012"),
            "expected a string, found a number: put it in quotes",
        ),
        (
            format!("{host}, roleArn: \"{good}\", roles: [{{roleArn: \"{good}\"}}]"),
            "roleArn and roles exclude each other",
        ),
        (
            format!("{host}, roles: [{{externalId: shop-7}}]"),
            "registries[0].roles[0].roleArn: missing",
        ),
        (
            format!("{host}, roles: [{{roleArn: \"{other}\"}}, {{roleArn: \"{good}\"}}]"),
            "a role of the partition aws cannot assume one of aws-cn",
        ),
        (
            format!("{host}, roleArn: \"{other}\""),
            "belongs to the partition aws, and 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn to aws-cn",
        ),
        (
            format!("host: ghcr.io, roleArn: \"{good}\""),
            "ghcr.io is no registry of private ECR",
        ),
        (
            format!("{host}, roleArn: \"{good}\", sessionName: a/b"),
            "is not a session name",
        ),
        (
            format!("{host}, roles: [{}]", format!("{{roleArn: \"{good}\"}}, ").repeat(6)),
            "a chain has 5 roles at most",
        ),
    ] {
        let found = mistakes(&registry(&format!("{{{keys}}}")));
        assert!(
            found.len() == 1 && found[0].contains(part),
            "{part} is not in {found:#?}"
        );
    }
}

#[test]
fn targets_have_paths_sets_and_accesses_of_their_own() {
    let text = "repo: {url: \"git@github.com:acme/fleet.git\", paths: [base]}\ntargets:\n- {name: here}\n\
                - {name: b, paths: [b], kubeconfig: {secret: b, entry: config, context: c}}\n\
                - {name: c, paths: [b], eks: {cluster: c, region: cn-north-1}, namespaces: [shop], serviceAccount: shop/deployer}\n";
    let targets = read("f", text).unwrap().sync.targets;
    let sets: Vec<&str> = targets.iter().map(|target| target.set.as_str()).collect();
    assert_eq!(sets, ["tidegate", "tidegate-b", "tidegate-c"]);
    assert_eq!(targets[0].paths[0].as_str(), "base");
    assert!(targets[0].is_home() && targets[0].runs_releases && !targets[1].runs_releases && !targets[2].is_home());
    assert_eq!(targets[2].fence, ["shop"]);
    assert_eq!(targets[2].account.as_ref().unwrap().name, "deployer");

    let plain = read("f", "repo: {url: \"git@github.com:acme/fleet.git\", paths: [a]}\n")
        .unwrap()
        .sync
        .targets;
    assert_eq!(
        (plain.len(), plain[0].id.as_str(), plain[0].paths[0].as_str()),
        (1, "here", "a")
    );
}

#[test]
fn mistakes_about_targets_are_listed_with_what_to_write() {
    let role = "roleArn: \"arn:aws:iam::111122223333:role/a\"";
    for (targets, more, part) in [
        ("- {paths: [a]}", "", "3: targets[0].name: missing"),
        (
            "- {name: a, paths: [x]}\n- {name: a, paths: [b]}",
            "",
            "two targets are named a",
        ),
        (
            "- {name: a, set: x, paths: [a]}\n- {name: b, set: x, paths: [b]}",
            "",
            "have the same set x",
        ),
        (
            "- {name: a, paths: [a]}\n- {name: b, paths: [a/c]}",
            "",
            "the targets a and b are in one cluster, and both apply a/c",
        ),
        ("- {name: a}\n- {name: b, paths: [b]}", "", "both apply b"),
        (
            "- {name: a, kubeconfig: {secret: s}, eks: {cluster: c, region: eu-west-1}}",
            "",
            "exclude each other",
        ),
        (
            "- {name: a, kubeconfig: {}}",
            "",
            "targets[0].kubeconfig.secret: missing",
        ),
        (
            "- {name: a, eks: {cluster: c}}",
            "",
            "targets[0].eks.region: missing; write the cluster's region",
        ),
        (
            "- {name: a, eks: {cluster: c, region: europe}}",
            "",
            "\"europe\" is not a region",
        ),
        (
            &format!("- {{name: a, eks: {{cluster: c, region: cn-north-1, {role}}}}}"),
            "",
            "belongs to the partition aws, and cn-north-1 to aws-cn",
        ),
        (
            "- {name: a, eks: {cluster: c, region: eu-west-1, endpoint: \"https://a\"}}",
            "",
            "endpoint and certificateAuthority go together",
        ),
        (
            "- {name: a, serviceAccount: deployer}",
            "",
            "write it as NAMESPACE/NAME",
        ),
        (
            "- {name: a, namespaces: [x], namespace: y}",
            "",
            "expected one of the target's namespaces",
        ),
        (
            "- {name: a}",
            "sync: {namespaces: [shop]}",
            "with targets, namespaces belongs to a target",
        ),
    ] {
        let text = format!("repo: {{url: \"git@github.com:acme/fleet.git\"}}\ntargets:\n{targets}\n{more}\n");
        let found = mistakes(&text);
        assert!(
            found.len() == 1 && found[0].contains(part),
            "{part} is not in {found:#?}"
        );
    }
}
