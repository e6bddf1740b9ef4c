mod history;
mod known_hosts;
mod tree;
mod url;
