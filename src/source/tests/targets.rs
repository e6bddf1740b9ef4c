use super::*;

fn target(name: &str, paths: &[&str]) -> TargetPaths {
    TargetPaths {
        runs_releases: true,
        target: TargetId::new(name),
        paths: paths.iter().map(|text| path(text)).collect(),
    }
}

fn reader_of(targets: Vec<TargetPaths>) -> Reader {
    Reader::new(targets, Vec::new(), Metrics::new())
}

fn of<'a>(declared: &'a DeclaredState, name: &str) -> &'a TargetState {
    declared.target(&TargetId::new(name)).unwrap()
}

fn names(state: &TargetState) -> Vec<&str> {
    state.objects.iter().map(|object| object.id.name.as_str()).collect()
}

/// Reads the commits with one reader and with a reader for each, and expects the same.
async fn both(commits: &mut Commits, targets: &[TargetPaths], ids: &[CommitId]) -> Vec<std::sync::Arc<DeclaredState>> {
    let mut on = reader_of(targets.to_vec());
    let mut states = Vec::new();
    for id in ids {
        commits.compares = true;
        let state = on.read(commits, *id).await.unwrap();
        commits.compares = false;
        let anew = reader_of(targets.to_vec()).read(commits, *id).await.unwrap();
        assert_eq!(format!("{state:#?}"), format!("{anew:#?}"));
        states.push(state);
    }
    states
}

#[tokio::test]
async fn a_broken_file_makes_only_the_targets_that_cover_it_incomplete() {
    let mut commits = Commits::default();
    let whole = commits.add(1, &[("a/web.yaml", WEB), ("b/api.yaml", API)]);
    let broken = commits.add(2, &[("a/web.yaml", BROKEN), ("b/api.yaml", API)]);
    let targets = [target("a", &["a"]), target("b", &["b"])];
    let states = both(&mut commits, &targets, &[whole, broken, whole]).await;
    let complete = |state: &DeclaredState| (of(state, "a").complete, of(state, "b").complete);
    assert_eq!(
        states.iter().map(|state| complete(state)).collect::<Vec<_>>(),
        [(true, true), (false, true), (true, true)]
    );
    assert_eq!(names(of(&states[1], "b")), ["api"]);
    assert_eq!(
        (of(&states[1], "a").findings.len(), of(&states[1], "b").findings.len()),
        (1, 0)
    );
    assert_eq!(states[1].findings.len(), 1);
}

#[tokio::test]
async fn two_targets_may_declare_the_same_object_and_one_target_may_not() {
    let mut commits = Commits::default();
    let commit = commits.add(1, &[("a/web.yaml", WEB), ("b/web.yaml", WEB), ("c/web.yaml", WEB)]);
    let targets = [target("a", &["a"]), target("b", &["b", "c"])];
    let states = both(&mut commits, &targets, &[commit]).await;
    let (a, b) = (of(&states[0], "a"), of(&states[0], "b"));
    assert_eq!((names(a), a.complete, a.findings.len()), (vec!["web"], true, 0));
    assert_eq!((names(b), b.complete, b.findings.len()), (vec![], false, 1));
    let applied: Vec<&str> = states[0]
        .images
        .applied
        .iter()
        .map(|document| document.path().as_str())
        .collect();
    assert_eq!(applied, ["a/web.yaml"]);
}

#[tokio::test]
async fn a_shared_path_is_applied_by_both_targets() {
    let mut commits = Commits::default();
    let first = commits.add(1, &[("a/web.yaml", WEB), ("shared/api.yaml", API)]);
    let second = commits.add(2, &[("a/web.yaml", WEB), ("shared/api.yaml", NEW_WEB)]);
    let targets = [target("a", &["a", "shared"]), target("b", &["shared"])];
    let states = both(&mut commits, &targets, &[first, second]).await;
    assert_eq!(names(of(&states[0], "a")), ["web", "api"]);
    assert_eq!(names(of(&states[0], "b")), ["api"]);
    assert!(!of(&states[1], "a").complete, "web is declared twice there");
    assert_eq!(
        (names(of(&states[1], "b")), of(&states[1], "b").complete),
        (vec!["web"], true)
    );
}

#[tokio::test]
async fn a_path_without_files_makes_only_its_target_incomplete() {
    let mut commits = Commits::default();
    let commit = commits.add(1, &[("a/web.yaml", WEB)]);
    let targets = [target("a", &["a"]), target("b", &["gone"])];
    let states = both(&mut commits, &targets, &[commit]).await;
    assert_eq!(
        (of(&states[0], "a").complete, of(&states[0], "b").complete),
        (true, false)
    );
    let anywhere = reader(Vec::new()).read(&commits, commits.add_empty()).await.unwrap();
    assert!(
        !here(&anywhere).complete,
        "an empty repository is no wish to delete everything"
    );
}

#[tokio::test]
async fn a_path_inside_another_targets_chart_is_an_error_and_not_an_absence() {
    let mut commits = Commits::default();
    let commit = commits.add(1, &[("a/Chart.yaml", "name: a"), ("a/web/web.yaml", WEB)]);
    let targets = [target("a", &["a"]), target("b", &["a/web"])];
    let states = both(&mut commits, &targets, &[commit]).await;
    assert_eq!(
        (of(&states[0], "a").complete, of(&states[0], "b").complete),
        (true, false)
    );
    assert!(of(&states[0], "b").findings[0].message.contains("a/web of target b"));
}
