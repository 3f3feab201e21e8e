//! Three nats-servers that reach each other, and are reached, over cables of the test only.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::sync::OnceCell;

use super::cables::{Cables, End, Port};
use crate::ledger::{PATIENCE, signal};

pub const NODES: usize = 3;

pub const TOKEN: &str = "test";

/// How long a question to one node may take.
const ASK: Duration = Duration::from_secs(1);

/// The cluster. Killed when it is dropped.
pub struct Nodes {
    nodes: Vec<Node>,
    pub cables: Cables,
    /// Where each node says that the others reach it, and nobody listens: what nodes tell each other
    /// of their addresses must not lead around the cables.
    _nowhere: Vec<TcpSocket>,
}

struct Node {
    dir: PathBuf,
    child: Option<Child>,
    conf: String,
    clients: Port,
    routes: Port,
    /// For whoever looks at the log.
    checker: String,
}

impl Nodes {
    /// Starts all three; each has its store in one of these folders.
    pub async fn start(dir: &Path, stores: &[PathBuf]) -> Nodes {
        let mut cables = Cables::default();
        let ports: Vec<(Port, Port)> = (0..NODES).map(|_| Default::default()).collect();
        let (mut nowhere, mut advertised) = (vec![], vec![]);
        for _ in 0..NODES {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            advertised.push(socket.local_addr().unwrap());
            nowhere.push(socket);
        }
        let mut nodes = vec![];
        for (number, store) in stores.iter().enumerate() {
            let mut routes = vec![];
            for other in (0..NODES).filter(|it| *it != number) {
                let ends = (End::Node(number), End::Node(other));
                let port = cables.lay(ends.0, ends.1, &ports[other].1).await;
                routes.push(format!("\"nats-route://127.0.0.1:{port}\""));
            }
            let node = End::Node(number);
            let checker = cables.lay(End::Checker, node, &ports[number].0).await;
            let (dir, routes) = (dir.join(format!("n{number}")), routes.join(", "));
            std::fs::create_dir_all(dir.join("ports")).unwrap();
            let conf = format!(
                "server_name: n{number}\nlisten: \"127.0.0.1:-1\"\nports_file_dir: {:?}\n\
                 authorization {{ token: {TOKEN} }}\n\
                 lame_duck_duration: 30s\nlame_duck_grace_period: 1s\n\
                 jetstream {{ store_dir: {store:?}, max_file: 4GB, sync_interval: always }}\n\
                 cluster {{ name: c, listen: \"127.0.0.1:-1\", advertise: \"{}\", \
                 no_advertise: true, ping_interval: \"1s\", ping_max: 2, routes: [{routes}] }}\n",
                dir.join("ports"),
                advertised[number]
            );
            let (clients, routes) = ports[number].clone();
            let checker = format!("nats://127.0.0.1:{checker}");
            nodes.push(Node { dir, child: None, conf, clients, routes, checker });
        }
        let mut nodes = Nodes { nodes, cables, _nowhere: nowhere };
        nodes.start_again(&[0, 1, 2]).await;
        nodes
    }

    /// The addresses under which one who is no node reaches all of them.
    pub async fn urls(&mut self, from: End) -> Vec<String> {
        let mut urls = vec![];
        for (number, node) in self.nodes.iter().enumerate() {
            let port = self.cables.lay(from, End::Node(number), &node.clients).await;
            urls.push(format!("nats://127.0.0.1:{port}"));
        }
        urls
    }

    /// Starts these, all at once.
    pub async fn start_again(&mut self, which: &[usize]) {
        for number in which {
            self.nodes[*number].spawn().await;
        }
        for number in which {
            self.nodes[*number].serves().await;
        }
    }

    pub fn signal(&self, number: usize, name: &str) {
        signal(self.nodes[number].child.as_ref().expect("a node that runs").id(), name);
    }

    /// Sends a signal that ends a node, and waits until it has.
    pub async fn end(&mut self, number: usize, name: &str) {
        self.signal(number, name);
        let node = &mut self.nodes[number];
        let (mut child, begin) = (node.child.take().unwrap(), Instant::now());
        while child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < 2 * PATIENCE, "n{number} does not end: {}", node.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The node that leads the log's stream, as the first that answers says.
    pub async fn leader(&self) -> Option<usize> {
        for number in 0..NODES {
            if let Some(leader) = self.leader_by(number).await {
                return Some(leader);
            }
        }
        None
    }

    /// The same, waited for.
    pub async fn some_leader(&self) -> usize {
        let begin = Instant::now();
        loop {
            if let Some(leader) = self.leader().await {
                return leader;
            }
            assert!(begin.elapsed() < 2 * PATIENCE, "nobody leads the stream");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn leader_by(&self, number: usize) -> Option<usize> {
        let ask = async {
            let jetstream = jetstream::new(self.client(number).await?);
            let mut stream = jetstream.get_stream("SEATLEDGER").await.ok()?;
            stream.info().await.ok()?.cluster.clone()?.leader
        };
        let leader = tokio::time::timeout(ASK, ask).await.ok()??;
        leader.strip_prefix('n')?.parse().ok()
    }

    /// A client that looks, over a cable that is never cut.
    async fn client(&self, number: usize) -> Option<async_nats::Client> {
        let node = &self.nodes[number];
        node.child.as_ref()?;
        let options = async_nats::ConnectOptions::with_token(TOKEN.to_owned());
        options.connection_timeout(ASK).connect(&node.checker).await.ok()
    }

    /// One that goes to any node.
    pub async fn checker(&self) -> async_nats::Client {
        client(&self.nodes.iter().map(|it| it.checker.clone()).collect::<Vec<_>>()).await
    }

    pub fn log(&self, number: usize) -> String {
        self.nodes[number].log()
    }
}

/// A client of the test that notices within seconds that a server is gone.
pub async fn client(urls: &[String]) -> async_nats::Client {
    let options = async_nats::ConnectOptions::with_token(TOKEN.to_owned())
        .ping_interval(ASK)
        .connection_timeout(ASK)
        .reconnect_delay_callback(|_| Duration::from_millis(100))
        .retry_on_initial_connect();
    let client = options.connect(urls).await.unwrap();
    let told = client.server_info().connect_urls;
    assert!(told.is_empty(), "a way around the cables is told: {told:?}");
    client
}

impl Node {
    async fn spawn(&mut self) {
        static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
        let find = || async {
            let found = tokio::task::spawn_blocking(|| seatledger::natsd::find(false, false));
            found.await.unwrap().unwrap().path
        };
        let program = PROGRAM.get_or_init(find).await;
        let conf = self.dir.join("conf");
        std::fs::write(&conf, &self.conf).unwrap();
        let mut log = std::fs::File::options();
        let log = log.create(true).append(true).open(self.dir.join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(&conf).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until it says its ports.
    async fn serves(&mut self) {
        let child = self.child.as_mut().unwrap();
        let file = self.dir.join("ports").join(format!("nats-server_{}.ports", child.id()));
        let begin = Instant::now();
        loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Ok(said) = serde_json::from_str::<Value>(&text) {
                self.clients.store(port(&said["nats"]), Ordering::Relaxed);
                self.routes.store(port(&said["cluster"]), Ordering::Relaxed);
                return;
            }
            let ended = child.try_wait().unwrap().is_some();
            assert!(!ended && begin.elapsed() < PATIENCE, "it does not come up: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

fn port(urls: &Value) -> u16 {
    urls[0].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
