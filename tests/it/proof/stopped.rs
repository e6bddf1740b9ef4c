//! SIGTERM while a push hangs: the agent ends in time, and the next one finds out what became of it.

use super::scene::{SOON, Scene};
use std::time::{Duration, Instant};
use tidegate_stack::relay::Direction;

const WORKLOAD: &str = "web";
/// The longest time that a pod may take to stop, with some reserve.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// Where the push hangs.
#[derive(Clone, Copy, Debug)]
enum Hangs {
    /// Nothing of the update arrives.
    BeforeTheServer,
    /// The server has the update, and a hook thinks about it.
    InAHook,
    /// The branch has moved, and the report does not come.
    BeforeTheReport,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_during_a_push_that_hangs_is_quick_and_the_bump_lands_once() {
    let mut scene = Scene::with(
        |repo| {
            let (path, text) = (super::scene::file(WORKLOAD), super::scene::workload(WORKLOAD, "old"));
            repo.seed(&[(path.as_str(), text.as_str())]).unwrap();
        },
        |options| options.scan = "1s".into(),
    )
    .await;
    for (round, hangs) in [Hangs::BeforeTheServer, Hangs::InAHook, Hangs::BeforeTheReport]
        .into_iter()
        .enumerate()
    {
        scene.agent.run().await.unwrap();
        let before = format!("tag-{round}-before");
        scene.push(WORKLOAD, &before);
        scene.landed(WORKLOAD, &before).await;
        // The next push is made ready.
        tokio::time::sleep(Duration::from_millis(500)).await;

        let under_way = scene.repo.path().join("under-way");
        let _ = std::fs::remove_file(&under_way);
        let go_on = scene.repo.path().join("go-on");
        let _ = std::fs::remove_file(&go_on);
        let sent = scene.relay.bytes(Direction::ToTarget);
        match hangs {
            Hangs::BeforeTheServer => scene.relay.stall(),
            Hangs::InAHook => {
                let hook =
                    "#!/bin/sh\n: >\"$GIT_DIR/under-way\"\nwhile [ ! -e \"$GIT_DIR/go-on\" ]; do sleep 0.02; done\n";
                scene.repo.hook("pre-receive", hook).unwrap();
            }
            Hangs::BeforeTheReport => {
                let hook = "#!/bin/sh\n: >\"$GIT_DIR/under-way\"\nsleep 0.5\n";
                scene.repo.hook("pre-receive", hook).unwrap();
            }
        }
        let tag = format!("tag-{round}");
        scene.push(WORKLOAD, &tag);
        let mark = scene.ecr.mark();
        let deadline = Instant::now() + SOON;
        while !match hangs {
            Hangs::BeforeTheServer => scene.ecr.requests_since(&mark).total() > 0,
            _ => under_way.exists(),
        } {
            assert!(Instant::now() < deadline, "{hangs:?}: no push:\n{}", scene.agent.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if matches!(hangs, Hangs::BeforeTheReport) {
            scene.relay.stall();
        }
        // From what was seen in the registry to the push, and into the middle of it.
        tokio::time::sleep(Duration::from_secs(1)).await;
        if matches!(hangs, Hangs::BeforeTheServer) {
            assert_eq!(scene.relay.bytes(Direction::ToTarget), sent);
        }

        let process = scene.agent.process().unwrap();
        let begin = Instant::now();
        process.terminate();
        let code = process.exited(STOPS_WITHIN).await.unwrap();
        println!("{hangs:?}: ended with {code} after {:.1?}", begin.elapsed());
        assert_eq!(code, 0, "{hangs:?}:\n{}", scene.agent.log());

        std::fs::write(&go_on, "").unwrap();
        scene.relay.flow();
        scene.agent.run().await.unwrap();
        scene.landed(WORKLOAD, &tag).await;
        let _ = scene.repo.remove_hook("pre-receive");
        assert_eq!(scene.agent.stop().await.unwrap(), 0);
    }
    println!("{}", scene.judged());
}
