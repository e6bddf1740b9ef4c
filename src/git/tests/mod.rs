mod known_hosts;
mod url;
