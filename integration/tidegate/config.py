"""The configuration of an integration: typed, from keywords, a dict or a YAML file.

The keys are the parameters of `integrate_contributed_data`. An unknown key is refused with the nearest known one.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tidegate.columns import Scalar
from tidegate.errors import Misuse, nearest


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SchemaConfig(_Config):
    """Which contract and suite judge the submission."""

    contract: str
    """`name`, `name@MAJOR` or `name@MAJOR.MINOR`; the newest match is taken."""
    suite: str | None = None
    """Another suite than the contract's own, spelled like `contract`."""
    migrate_to: str | None = None
    """A later version that the rows are migrated to, spelled like `contract`, which is what the files are of."""


class ValidationConfig(_Config):
    """What a failing record does to the submission."""

    on_failure: Literal["quarantine", "reject"] = "quarantine"
    """`quarantine` keeps failing records out and lets the rest in; `reject` turns the submission down for one."""
    max_failing_fraction: float = Field(default=0.01, ge=0, le=1)
    """More malformed and failed records than this share of the records read reject the submission."""
    warnings_reject: bool = False
    """Whether a failed expectation of severity `warning` rejects, as a `critical` one always does."""
    personal_data: Literal["report", "warn", "reject", "hash", "ignore"] = "report"
    """What likely personal data does in a column that the contract does not mark; `ignore` does not look for it."""
    personal_salt_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """For `hash`: the name of the environment variable that holds the salt, of 16 characters at least."""

    @model_validator(mode="after")
    def _a_salt_belongs_to_hash(self) -> ValidationConfig:
        if self.personal_data == "hash" and self.personal_salt_env is None:
            raise ValueError("hash needs personal_salt_env, the name of the environment variable with the salt")
        if self.personal_data != "hash" and self.personal_salt_env is not None:
            raise ValueError(f"personal_salt_env belongs to hash, not to {self.personal_data}")
        return self


class CleaningConfig(_Config):
    """Declared repairs, applied before the rules run, and what is dropped after."""

    null_values: tuple[str, ...] = ()
    """Texts that mean null, in every column, such as `NA`. An unquoted empty CSV cell is null without being listed."""
    trim_strings: bool = False
    """Whether white space around text cells is removed."""
    missing: dict[str, Scalar] = Field(default_factory=dict)
    """Per column what replaces a null: `drop_row`, `mean` (of twelve digits), `median`, `mode`, or a value."""
    deduplicate: bool | tuple[str, ...] = True
    """`true`: by the contract's key (or the whole record, without one); a list: by these columns; `false`: not."""
    shuffle: Annotated[int, Field(ge=0, strict=True)] | Literal[False] = Field(
        default=False, union_mode="left_to_right"
    )
    """A seed for a global shuffle of what `output` gets, or `false`."""

    @field_validator("shuffle", mode="before")
    @classmethod
    def _zero_is_a_seed(cls, value: Any) -> Any:
        if isinstance(value, bool) and value:
            raise ValueError("a seed is needed, such as 42, or false")
        return value


class MergeStrategy(_Config):
    """How accepted rows join the training data."""

    name: Literal["append", "interleave", "weighted"] = "append"
    """`append` publishes into the pool; `interleave` and `weighted` write a new dataset at `output`."""
    weights: dict[Literal["base", "contributed"], float] | None = None
    """For `weighted`: the target share of each side; they add up to 1."""
    sampling: Literal["without_replacement", "oversample", "sample_weight"] = "without_replacement"
    """For `weighted`: leave rows out, repeat rows of the scarcer side, or keep all with a `sample_weight` column."""
    seed: int = 0
    """For `weighted`: which rows are left out or repeated."""

    @model_validator(mode="after")
    def _weights_belong_to_weighted(self) -> MergeStrategy:
        if self.name != "weighted":
            if self.weights is not None:
                raise ValueError(f"weights belong to the strategy weighted, not to {self.name}")
            return self
        if self.weights is None or set(self.weights) != {"base", "contributed"}:
            raise ValueError("weighted needs weights for both sides: {base: 0.7, contributed: 0.3}")
        if min(self.weights.values()) <= 0 or abs(sum(self.weights.values()) - 1) > 1e-9:
            raise ValueError("weights must be above 0 and add up to 1")
        return self


class TrackingConfig(_Config):
    """Where the results are recorded."""

    mlflow: bool = True
    """Whether a run is logged to MLflow."""
    mlflow_uri: str | None = None
    """The tracking server or store; `MLFLOW_TRACKING_URI`, or else an SQLite file in `state_dir`."""
    experiment: str = "tidegate"
    """The MLflow experiment."""
    max_seconds: float = Field(default=15, gt=0)
    """How long a tracking server is waited for in all; what it has not taken by then waits in the outbox."""
    metaflow: bool = True
    """Whether the result is attached to the Metaflow task, where the call runs inside one."""
    openlineage: bool = False
    """Whether OpenLineage events are sent, to where openlineage-python is configured to send them."""
    opentelemetry: bool = False
    """Whether metrics are sent over OTLP, to where `OTEL_*` says, or through the process's own meter provider."""

    @model_validator(mode="before")
    @classmethod
    def _off_or_default(cls, value: Any) -> Any:
        if value is False:
            return {"mlflow": False, "metaflow": False}
        return {} if value is None or value is True else value


class ReportConfig(_Config):
    """What the report has besides the verdict."""

    distributions: bool = False
    """Whether columns are measured and drawn, over those of the pool, and contributors' shares told."""
    data_docs: bool = False
    """Whether Great Expectations' own page is written beside it. For trusted data only: it shows cells as markup."""
    file: str | None = None
    """Where the page is written too; the one that is always made lies among the receipts, in `state_dir`."""


class Resources(_Config):
    """What an integration may use of the machine."""

    memory_limit: str | None = Field(default=None, pattern=r"^\s*\d+(\.\d+)?\s*([KMGTkmgt]?[iI]?[bB])?\s*$")
    """How much memory the work may take before it spills, such as `2GB`; by default a quarter, up to 4 GiB."""
    max_spill_bytes: int | None = Field(default=None, ge=1)
    """How many bytes may be spilled to disk at once; nine tenths of what is free there, without."""
    threads: int | None = Field(default=None, ge=1)
    """How many threads it may use; all cores without."""
    max_files: int = Field(default=10_000, ge=1)
    """How many files a submission may have."""
    max_bytes: int = Field(default=100 * 2**30, ge=1)
    """How many bytes they may have together, as they come and after decompression; for Parquet, after decoding."""
    max_records: int = Field(default=2_000_000_000, ge=1)
    """How many records they may have together."""
    max_columns: int = Field(default=10_000, ge=1)
    """How many columns a file may have; in JSON, how many different keys where the contract has patterns for them."""
    max_row_group_bytes: int = Field(default=4 * 2**30, ge=1)
    """The largest row group of a Parquet file, in bytes, after decoding."""
    max_compression_ratio: int = Field(default=1000, ge=1)
    """How many bytes one compressed byte may become, once more than 100 MB are decompressed."""
    max_cell_bytes: int = Field(default=1_000_000, ge=1)
    """The longest cell, in bytes; a record with a longer one is malformed."""
    max_depth: int = Field(default=64, ge=1, le=500)
    """How deep JSON may nest."""
    max_seconds: int = Field(default=3600, ge=1)
    """How long reading may take before the file is refused."""
    one_machine_bytes: int = Field(default=256 * 10**9, ge=0)
    """For `engine: auto`: up to how many bytes of submission, decompressed, and pool one machine takes on."""


DataSource = Literal["local_path", "blob_storage", "url"]


class SourceConfig(_Config):
    """How files that lie elsewhere are fetched, and what may be fetched."""

    at_once: int = Field(default=4, ge=1, le=64)
    """How many files, and parts of large ones, are read at once."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often one part is tried where the fault may pass: a line that breaks, a server that is busy."""
    silence_seconds: float = Field(default=30, gt=0)
    """How long a server may say nothing; `resources.max_seconds` bounds the whole."""
    max_redirects: int = Field(default=5, ge=0, le=20)
    """How many redirects of a URL are followed."""
    allowed_networks: tuple[str, ...] = ()
    """Networks that are not public, such as `10.1.0.0/16`, from which a URL may be fetched all the same."""

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value


class IntegrationConfig(_Config):
    """Every parameter of `integrate_contributed_data`, checked."""

    data_source: DataSource | None = None
    """Where the submission lies; without it each path's own beginning says so, such as `s3://` or `https://`."""
    data_path: tuple[str, ...] = ()
    """One path or a list of paths, folders and globs: together one submission."""
    schema_config: SchemaConfig
    """The contract, and the suite if another than the contract's own."""
    merge_strategy: MergeStrategy = MergeStrategy()
    """A strategy's name, or a mapping with its `name` and options."""
    validation_config: ValidationConfig = ValidationConfig()
    """What a failing record does to the submission."""
    cleaning_config: CleaningConfig = CleaningConfig()
    """Repairs, deduplication and shuffle."""
    training_data: str | None = None
    """The pool: a Delta table, made by the first publish. A folder, `s3://`, `az://` or `abfss://`."""
    output: str | None = None
    """Where `interleave` and `weighted` write the integrated dataset; a place as for `training_data`."""
    holdout: str | None = None
    """Rows that must never reach training: a Delta table or a file in any format that a submission may have."""
    registry: str | None = None
    """The folder with `contracts/` and `expectations/`."""
    engine: Literal["duckdb", "spark", "auto"] = "duckdb"
    """What runs the work: `duckdb` on this machine, `spark` on a cluster that is there; `auto` chooses by size."""
    tracking: TrackingConfig = TrackingConfig()
    """Where the results are recorded; `false` for nowhere."""
    report: ReportConfig = ReportConfig()
    """What the report has besides the verdict; `true` for distributions."""
    contributor: str | None = None
    """Who sent the submission; kept with every row."""
    source_config: SourceConfig = SourceConfig()
    """How files that lie elsewhere are fetched."""
    resources: Resources = Resources()
    """Limits on memory, threads and input."""
    state_dir: str = ".tidegate"
    """Where quarantines, receipts and the embedded MLflow store are kept."""

    @field_validator("data_path", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return tuple(str(p) for p in value) if isinstance(value, list | tuple) else (str(value),)

    @field_validator("training_data", "output", "holdout", "registry", "state_dir", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    @field_validator("schema_config", mode="before")
    @classmethod
    def _contract_by_name(cls, value: Any) -> Any:
        return {"contract": value} if isinstance(value, str) else value

    @field_validator("merge_strategy", mode="before")
    @classmethod
    def _strategy_by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("report", mode="before")
    @classmethod
    def _distributions_or_none(cls, value: Any) -> Any:
        return {"distributions": value} if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _output_belongs_to_the_strategy(self) -> IntegrationConfig:
        writes_output = self.merge_strategy.name != "append"
        if writes_output and self.training_data is not None and self.output is None:
            raise ValueError(f"the strategy {self.merge_strategy.name} writes a new dataset and needs output")
        if not writes_output and self.output is not None:
            raise ValueError("append publishes into training_data; output belongs to interleave and weighted")
        if not writes_output and self.cleaning_config.shuffle is not False:
            raise ValueError("shuffle applies where output is written, not to append")
        return self

    def judged_by(self) -> dict[str, Any]:
        """What of the configuration can change a verdict: part of the digests of report and integration."""
        return self.model_dump(mode="json", include={"validation_config", "cleaning_config"})


def load_config(values: dict[str, Any], file: str | Path | None = None) -> IntegrationConfig:
    """Check a configuration.

    Args:
        values: parameters by name; None means not given.
        file: a YAML file with the same keys. What `values` gives goes before it.

    Raises:
        Misuse: a key or value is wrong; the message names it and the nearest known key.
    """
    merged = read_yaml(file) if file is not None else {}
    merged |= {key: value for key, value in values.items() if value is not None}
    try:
        return IntegrationConfig.model_validate(merged)
    except ValidationError as error:
        raise _misuse(error, file) from None


_OF_A_VALUE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML lets out of a value such as ``2024-13-45``, which looks like a day and is none."""


def read_yaml(file: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `Misuse` where there is none."""
    import yaml

    try:
        content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise Misuse(f"The configuration {file} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Misuse(f"The configuration {file} is not YAML: {error}") from None
    except _OF_A_VALUE as error:
        raise Misuse(f"The configuration {file} has a value that is not what it looks like: {error}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Misuse(f"The configuration {file} must be a mapping of parameters, not a {type(content).__name__}.")
    return content


_UNION_BRANCHES = ("literal[", "tuple[", "function-", "constrained-")


def _misuse(error: ValidationError, file: str | Path | None) -> Misuse:
    first = error.errors()[0]
    # Pydantic puts the branches of a union into the location; they are no keys of the user's.
    path = [str(part) for part in first["loc"] if not str(part).startswith(_UNION_BRANCHES)]
    where = f" in {file}" if file is not None else ""
    if first["type"] == "extra_forbidden":
        hint = nearest(path[-1], _keys_beside(path[:-1]))
        return Misuse(f"Unknown configuration key {'.'.join(path)!r}{where}.", hint)
    if first["type"] == "missing":
        how = "Name the contract: --contract NAME. `tidegate contracts list` says which there are."
        return Misuse(
            f"The configuration{where} lacks {'.'.join(path)!r}.", how if path[:1] == ["schema_config"] else None
        )
    message = first["msg"].removeprefix("Value error, ")
    return Misuse(f"Configuration key {'.'.join(path)!r}{where}: {message}." if path else f"{message}{where}.")


def _keys_beside(path: list[str]) -> list[str]:
    model: type[BaseModel] = IntegrationConfig
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        model = field.annotation
    return list(model.model_fields)
