use crate::notice::reporter::Phase;
use crate::notice::scan::ScanEvent;

pub(super) fn log(event: &ScanEvent, phase: Phase) {
    match (event, phase) {
        (ScanEvent::Failed { repository, .. }, Phase::Over) => {
            tracing::debug!(%repository, "the repository is no longer failing");
        }
        (ScanEvent::Failed { repository, error }, Phase::Still) => {
            tracing::debug!(%repository, %error, "scan failed again");
        }
        (ScanEvent::Failed { repository, error }, _) => tracing::warn!(%repository, %error, "scan failed"),
        (
            ScanEvent::PlatformsUnavailable {
                repository,
                digest,
                reason,
            },
            _,
        ) => {
            tracing::warn!(%repository, %digest, %reason, "the registry does not report the platforms of an image: it is taken unchecked");
        }
        (
            ScanEvent::PlatformsNotRead {
                repository,
                digest,
                error,
            },
            _,
        ) => {
            tracing::warn!(%repository, %digest, %error, "the platforms of an image could not be read");
        }
    }
}
