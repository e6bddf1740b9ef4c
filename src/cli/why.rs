use super::config_file::ConfigFile;
use super::failure::Failure;
use super::lift::{named, object};
use super::output::{Output, show};
use super::running_agent::{Asked, RunningAgent};
use crate::agent::{self, AgentConfig};
use crate::holds::ObjectName;
use crate::http::WhyCall;
use clap::Args;

/// Show why the images of an object move to a tag, or stay: every tag and what speaks for or against it
///
/// Asks the running agent if --server and --token-file name one, as in its own container; otherwise the repository is cloned into a
/// temporary folder, and the registries are asked from here.
///
/// The exit code is 1 if the config repo has no such object, or something could not be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl -n tidegate exec deploy/tidegate -- tidegate why deployment/web
  tidegate why -n shop hr/shop --tags 0")]
pub(super) struct Why {
    /// Object, as `tidegate images` names it: [NAMESPACE:]KIND/NAME. The kind in any case, in the singular, the plural or as
    /// kubectl shortens it
    #[arg(value_name = "KIND/NAME", value_parser = object)]
    object: ObjectName,

    /// Namespace of the object. Default: any
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// How many tags of each image to show, the newest first; 0 shows all
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    tags: usize,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    agent: RunningAgent,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Why {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let object = ObjectName {
            namespace: self.object.namespace.or(self.namespace),
            ..self.object
        };
        let asked = self.agent.ask(&self.config, async |client, configuration| {
            let call = WhyCall {
                configuration,
                object: named(&object),
                tags: self.tags,
            };
            client.why(&call).await
        });
        match asked.await? {
            Asked::Agent(answer) => show(self.output, &answer.text, &answer.answer),
            Asked::Here(settings) => {
                let why = agent::why(AgentConfig::new(*settings), &object, self.tags).await?;
                show(self.output, &why.to_string(), &why)
            }
        }
    }
}
