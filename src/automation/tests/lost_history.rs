use super::fake_repo::FakeRepo;
use super::scene::{WEB, web};
use crate::automation::HistoryReader;
use crate::port::ConfigRepo;

/// A reading whose parser thread does not run must fail: with the fields missing, the revert would not be seen and the hold
/// would vanish.
#[test]
fn a_history_that_cannot_be_parsed_is_an_error_and_not_a_history_without_holds() {
    let repo = FakeRepo::default();
    repo.person_commits("Add the shop", &[(WEB, &web("1.0.0", ""))]);
    let trailer = "Bump\n\nTidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web \
                   image=registry.example/shop/web old=1.0.0 new=1.1.0\n";
    repo.person_commits(trailer, &[(WEB, &web("1.1.0", ""))]);
    repo.person_commits("Revert", &[(WEB, &web("1.0.0", ""))]);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    let head = runtime.block_on(repo.fetch()).unwrap();
    let mut reader = HistoryReader::default();
    // Blocking work that is given to a runtime which has shut down is cancelled.
    runtime.shutdown_background();
    {
        let _entered = handle.enter();
        let failure = futures::executor::block_on(reader.read(&repo, head)).unwrap_err();
        assert!(failure.message.contains("could not be parsed"), "{failure}");
    }

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let past = runtime.block_on(reader.read(&repo, head)).unwrap();
    assert_eq!(past.holds.len(), 1, "the next reading finds the hold");
}
