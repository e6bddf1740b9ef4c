//! Charts that are made to harm whoever renders them.

use super::remote::{ChartRepository, elsewhere};
use super::scene::{Scene, chart};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use tidegate_stack::ControlPlane;

/// An archive of one entry: `size` zeros under a name.
fn archive(name: &str, size: usize) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[156] = b'0';
    header[257..262].copy_from_slice(b"ustar");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&header).unwrap();
    let block = vec![0; 1 << 20];
    for _ in 0..size.div_ceil(block.len()) {
        packed.write_all(&block).unwrap();
    }
    packed.write_all(&[0; 1024]).unwrap();
    packed.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_that_are_bombs_or_lead_out_of_the_chart_are_refused_with_a_sentence() {
    let cluster = ControlPlane::shared().await.unwrap();
    let repository = ChartRepository::start("").await;
    let entry = |version: &str| format!("  - {{name: web, version: {version}, urls: [\"web-{version}.tgz\"]}}\n");
    let index = format!("apiVersion: v1\nentries:\n  web:\n{}{}", entry("1.0.0"), entry("2.0.0"));
    repository.put("index.yaml", index.into_bytes());
    repository.put("web-1.0.0.tgz", archive("web/values.yaml", 200 << 20));
    repository.put("web-2.0.0.tgz", archive("web/../../../tmp/hostile", 10));
    let mut scene = Scene::prepare(&cluster, "rel-bomb", Vec::new(), "").await;
    let namespace = scene.namespace.clone();
    let of = |version: &str| {
        let chart = format!("repository: \"{}\", name: web, version: {version}", repository.address);
        elsewhere(&namespace, &chart, "")
    };
    scene.commit(&[("web.yaml", &of("1.0.0"))]);
    scene.agent.run().await.unwrap();
    let look = async |scene: &Scene| scene.status().await.to_string();
    scene
        .until("the bomb refused", look, |text| text.contains("unpacks to more than"))
        .await;
    scene.commit(&[("web.yaml", &of("2.0.0"))]);
    scene
        .until("the path refused", look, |text| text.contains("leads out of the chart"))
        .await;
    assert!(scene.history().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn templates_that_recurse_grow_or_print_without_end_end_within_limits_and_hold_up_nothing() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-hostile", chart(&[]), "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    for template in [
        // 100 MB of output.
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: large}\ndata: {a: {{ repeat 100000000 \"x\" | quote }}}\n",
        // Calls itself.
        "{{ define \"again\" }}{{ include \"again\" . }}{{ end }}{{ include \"again\" . }}",
        // Asks for more memory than there may be.
        "{{ $all := until 2000000000 }}{{ len $all }}",
    ] {
        scene.commit(&[("charts/web/templates/more.yaml", template)]);
        let tip = scene.repo.tip().unwrap().unwrap();
        let look = async |scene: &Scene| scene.status().await;
        scene
            .until(template, look, |status| {
                status["phase"] == "DeployFailed" && status["lastAttemptedRevision"] == tip.as_str()
            })
            .await;
        assert_eq!(scene.live("text").await.as_deref(), Some("one"));
    }
    scene.commit(&[
        ("charts/web/templates/more.yaml", ""),
        ("charts/web/values.yaml", "text: x\nother: calm\n"),
    ]);
    scene
        .until(
            "the mended chart",
            async |scene| scene.live("other").await,
            |other| other.as_deref() == Some("calm"),
        )
        .await;
    scene.settled("Succeeded", "one").await;
}
