//! Terraform's examples read as data: which function is set up with what. Terraform itself is not needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, mem};

use anyhow::{Context as _, Result, ensure};
use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use hcl::{Block, Body, Value};

/// Environment variables.
pub type Variables = BTreeMap<String, String>;

/// An example for one cloud, with values for what it refers to.
#[derive(Debug)]
pub struct Example {
    cloud: &'static str,
    main: Body,
    /// What expressions refer to: `var`, `local`, `module` and so on.
    names: BTreeMap<String, Value>,
}

/// A service of Cloud Run.
#[derive(Debug)]
pub struct OnCloudRun {
    /// Its environment.
    pub variables: Variables,
    /// How long it keeps a connection.
    pub timeout_secs: u64,
}

impl Example {
    /// `terraform/examples/{cloud}/main.tf`; `names` stands for what is known only at Terraform: variables, outputs, data.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(cloud: &'static str, names: serde_json::Value) -> Result<Self> {
        let names = serde_json::from_value(names)?;
        let mut example = Self { cloud, main: body(&format!("terraform/examples/{cloud}/main.tf"))?, names };
        example.settle_locals();
        Ok(example)
    }

    /// What refers to nothing unknown gets its value; each may make another one known.
    fn settle_locals(&mut self) {
        let blocks = self.main.blocks().filter(|b| b.identifier() == "locals");
        let mut left: Vec<_> = blocks.flat_map(|b| b.body().attributes()).cloned().collect();
        let mut known = hcl::Map::new();
        loop {
            let before = left.len();
            for local in mem::take(&mut left) {
                match local.expr().evaluate(&self.context()) {
                    Ok(value) => drop(known.insert(local.key().to_owned(), value)),
                    Err(_) => left.push(local),
                }
            }
            self.names.insert("local".to_owned(), Value::Object(known.clone()));
            if left.is_empty() || left.len() == before {
                return;
            }
        }
    }

    fn context(&self) -> Context<'static> {
        context(&self.names)
    }

    /// The table of functions: key and settings.
    ///
    /// # Errors
    /// When there is none.
    pub fn functions(&self) -> Result<BTreeMap<String, serde_json::Value>> {
        let local = self.names.get("local").and_then(Value::as_object).and_then(|local| local.get("functions"));
        Ok(serde_json::from_value(serde_json::to_value(local.context("local.functions has no value")?)?)?)
    }

    /// An argument of a module as it is for one key of its `for_each`; `None` when the module has no such argument.
    ///
    /// # Errors
    /// When it refers to something unknown.
    pub fn argument(&self, module: &str, name: &str, each: Option<(&str, &serde_json::Value)>) -> Result<Option<serde_json::Value>> {
        let blocks = self.main.blocks().filter(|b| b.identifier() == "module");
        let block =
            blocks.into_iter().find(|b| b.labels().iter().any(|l| l.as_str() == module)).with_context(|| format!("no module {module}"))?;
        let Some(argument) = block.body().attributes().find(|a| a.key() == name) else { return Ok(None) };
        let mut context = self.context();
        if let Some((key, value)) = each {
            context.declare_var("each", serde_json::from_value::<Value>(serde_json::json!({ "key": key, "value": value }))?);
        }
        let value = argument.expr().evaluate(&context).with_context(|| format!("{} of module {module}, {each:?}", argument.key()))?;
        Ok(Some(serde_json::to_value(value)?))
    }

    /// The variables that the module `function` sets for one of the table.
    ///
    /// # Errors
    /// When the module does not look as expected.
    pub fn variables_of(&self, key: &str, settings: &serde_json::Value) -> Result<Variables> {
        let mut var = serde_json::json!({ "name": key, "beside": [] });
        for argument in ["environment", "secrets", "function", "events"] {
            let value = self.argument("function", argument, Some((key, settings)))?;
            var[argument] = value.unwrap_or_else(|| serde_json::json!({}));
        }
        self.set_by_function_module(var)
    }

    /// The variables that the module `function` sets, given its own.
    fn set_by_function_module(&self, var: serde_json::Value) -> Result<Variables> {
        let module = body(&format!("terraform/modules/{}/function/main.tf", self.cloud))?;
        let names = BTreeMap::from([("var".to_owned(), serde_json::from_value(var)?)]);
        let (block, attribute) = if self.cloud == "gcp" { ("dynamic", "for_each") } else { ("environment", "variables") };
        let of_variables = |b: &&Block| block != "dynamic" || b.labels().iter().any(|l| l.as_str() == "env");
        let mut variables = Variables::new();
        for found in all_blocks(&module).into_iter().filter(|b| b.identifier() == block).filter(of_variables) {
            let expression = found.body().attributes().find(|a| a.key() == attribute).with_context(|| format!("no {attribute}"))?;
            let value = expression.expr().evaluate(&context(&names))?;
            variables.extend(serde_json::from_value::<Variables>(serde_json::to_value(value)?)?);
        }
        ensure!(variables.contains_key("DRAWBRIDGE_FUNCTIONS"), "the module `function` sets no DRAWBRIDGE_FUNCTIONS");
        Ok(variables)
    }

    /// The bridge on Cloud Run, as the module sets it where the example leaves the default.
    ///
    /// # Errors
    /// When the module does not look as expected.
    pub fn bridge_on_cloud_run(&self) -> Result<OnCloudRun> {
        const MODULE: &str = "terraform/modules/gcp/bridge-cloud-run";
        let mut var = serde_json::json!({});
        for (name, body) in declared(MODULE, "variable")? {
            if let Some(default) = body.attributes().find(|a| a.key() == "default") {
                var[name] = serde_json::to_value(default.expr().evaluate(&self.context())?)?;
            }
        }
        for name in ["environment", "secrets", "functions"] {
            if let Some(value) = self.argument("bridge_cloud_run", name, None)? {
                var[name] = value;
            }
        }
        let timeout_secs = var["timeout_seconds"].as_u64().context("timeout_seconds has no default")?;
        let names = BTreeMap::from([("var".to_owned(), serde_json::from_value(var)?)]);
        let module = body(&format!("{MODULE}/main.tf"))?;
        let service = module.blocks().find(|b| b.identifier() == "module").context("no module")?;
        let mut arguments = serde_json::json!({});
        for argument in service.body().attributes().filter(|a| ["name", "beside", "environment", "secrets"].contains(&a.key())) {
            arguments[argument.key()] = serde_json::to_value(argument.expr().evaluate(&context(&names))?)?;
        }
        let variables = self.set_by_function_module(arguments)?;
        Ok(OnCloudRun { variables, timeout_secs })
    }

    /// The variables of a bridge node at Google.
    ///
    /// # Errors
    /// When the module does not look as expected.
    pub fn variables_of_bridge(&self) -> Result<Variables> {
        let environment = self.argument("bridge", "environment", None)?.context("the bridge has no environment")?;
        let var = serde_json::json!({ "environment": environment, "image": "image" });
        let path = serde_json::json!({ "module": "." });
        let names = [("var", var), ("path", path)].map(|(name, value)| Ok((name.to_owned(), serde_json::from_value(value)?)));
        let names = names.into_iter().collect::<Result<BTreeMap<_, _>>>()?;
        let module = body("terraform/modules/gcp/bridge/main.tf")?;
        let blocks = all_blocks(&module);
        let metadata = blocks.iter().flat_map(|b| b.body().attributes()).find(|a| a.key() == "metadata").context("no metadata")?;
        let metadata = serde_json::to_value(metadata.expr().evaluate(&context(&names))?)?;
        Ok(serde_json::from_value(metadata["user-data"]["environment"].clone())?)
    }
}

fn context(names: &BTreeMap<String, Value>) -> Context<'static> {
    let mut context = Context::new();
    for (name, value) in names {
        context.declare_var(name.as_str(), value.clone());
    }
    let any = || FuncDef::builder().variadic_param(ParamType::Any);
    context.declare_func("merge", any().build(merge));
    context.declare_func("coalesce", any().build(coalesce));
    context.declare_func("contains", any().build(contains));
    context.declare_func("concat", any().build(concat));
    context.declare_func("join", any().build(join));
    context
        .declare_func("tostring", any().build(|args: FuncArgs| Ok(Value::String(args.into_values().pop().ok_or("no value")?.to_string()))));
    context.declare_func("templatefile", any().build(|args: FuncArgs| args.into_values().pop().ok_or_else(|| "no values".into())));
    context
}

fn merge(args: FuncArgs) -> Result<Value, String> {
    let mut all = hcl::Map::new();
    for value in args.into_values() {
        all.extend(value.as_object().cloned().ok_or("merge takes objects")?);
    }
    Ok(Value::Object(all))
}

fn concat(args: FuncArgs) -> Result<Value, String> {
    let lists = args.into_values().into_iter().map(|v| v.as_array().cloned().ok_or("concat takes lists"));
    Ok(Value::Array(lists.collect::<Result<Vec<_>, _>>()?.concat()))
}

fn join(args: FuncArgs) -> Result<Value, String> {
    match args.into_values().as_slice() {
        [Value::String(between), Value::Array(all)] => {
            let texts: Option<Vec<_>> = all.iter().map(Value::as_str).collect();
            Ok(Value::String(texts.ok_or("join takes texts")?.join(between)))
        }
        _ => Err("join takes a text and a list".into()),
    }
}

fn coalesce(args: FuncArgs) -> Result<Value, String> {
    args.into_values().into_iter().find(|v| !v.is_null()).ok_or_else(|| "all are null".into())
}

fn contains(args: FuncArgs) -> Result<Value, String> {
    match args.into_values().as_slice() {
        [Value::Array(all), one] => Ok(Value::Bool(all.contains(one))),
        _ => Err("contains takes a list and a value".into()),
    }
}

/// The blocks of one kind (`variable`, `output`, `module`, `resource`) in a folder's `.tf` files: labels with dots, and what is in them.
///
/// # Errors
/// When a file cannot be read.
pub fn declared(folder: &str, kind: &str) -> Result<BTreeMap<String, Body>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join(folder)).with_context(|| format!("reading {folder}"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".tf") {
            found.extend(blocks_of(body(&format!("{folder}/{name}"))?, kind));
        }
    }
    Ok(found)
}

/// The same out of a text.
///
/// # Errors
/// When it is not HCL.
pub fn declared_in(text: &str, kind: &str) -> Result<BTreeMap<String, Body>> {
    Ok(blocks_of(hcl::parse(text).with_context(|| format!("parsing {text}"))?, kind))
}

fn blocks_of(body: Body, kind: &str) -> BTreeMap<String, Body> {
    let blocks = body.into_blocks().filter(|b| b.identifier() == kind);
    let labels = |b: &Block| b.labels().iter().map(|l| l.as_str()).collect::<Vec<_>>().join(".");
    blocks.map(|b| (labels(&b), b.body().clone())).collect()
}

fn body(path: &str) -> Result<Body> {
    let path = root().join(path);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    hcl::parse(&text).with_context(|| format!("parsing {}", path.display()))
}

fn all_blocks(body: &Body) -> Vec<&Block> {
    body.blocks().flat_map(|block| [block].into_iter().chain(all_blocks(block.body()))).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
