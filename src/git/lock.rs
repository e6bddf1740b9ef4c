use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, also after a panic in another thread: every value behind a lock of this room is replaced as a whole and
/// therefore valid.
pub(crate) fn locked<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}
