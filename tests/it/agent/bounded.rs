use super::world::World;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use tidegate_stack::ControlPlane;

/// The mirror is fetched with 50 commits; what was taken back lies 200 commits below the tip.
#[tokio::test(flavor = "multi_thread")]
async fn a_revert_below_what_is_fetched_at_first_holds() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "bounded", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.run().await.unwrap();
    world.runs("2222bbb").await;
    world.agent.kill();
    world.agent.forget().unwrap();
    let person = world.repo.work_copy().unwrap();
    let revert = person.revert(&world.repo.tip().unwrap().unwrap()).unwrap();
    person.push().unwrap();
    let mut stream = String::new();
    for number in 0..200 {
        let from = if number == 0 {
            format!("from {revert}\n")
        } else {
            String::new()
        };
        let at = jiff::Timestamp::now().as_second();
        write!(
            stream,
            "commit refs/heads/main\ncommitter A <a@example.com> {at} +0000\ndata 5\nnote\n{from}\
             M 100644 inline notes.txt\ndata 4\n{number:03}\n\n"
        )
        .unwrap();
    }
    let mut import = Command::new("git")
        .args(["-c", "safe.directory=*", "fast-import", "--quiet"])
        .current_dir(world.repo.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    let tip = world.repo.tip().unwrap();

    world
        .agent
        .configure(|options| options.repo_more = "  depth: 50\n".to_owned())
        .unwrap();
    world.agent.run().await.unwrap();
    for _ in 0..3 {
        world.agent.ask(&["scan"]).await.unwrap();
    }
    assert_eq!(world.repo.tip().unwrap(), tip, "nothing is put back");
    world.runs("1111aaa").await;
}
