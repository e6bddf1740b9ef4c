//! The agent's promise about the branch, under everything that can be done to it: killed, raced, cut off, starved. Real
//! git, sshd and agent; no cluster, since none of this needs one. Afterwards the history is judged.

mod faults;
mod kill;
mod random;
mod rivals;
mod scene;
mod stopped;
