# ruff: noqa
"""pandas."""

# %% groupby
import pandas as pd
x = frame.groupby("site", observed=True)["mass"].agg(["mean", "max", "count"])

# %% groupby_apply_and_transform
import pandas as pd
frame["centred"] = frame["mass"] - frame.groupby("site", observed=True)["mass"].transform("mean")
x = frame.groupby("site", observed=True)[["mass", "centred"]].apply(lambda part: part.iloc[0] + part.iloc[-1])

# %% merge
import pandas as pd
sites = pd.DataFrame({"site": ["a", "b", "c"], "height": [100, 250, 40]})
x = frame.astype({"site": "object"}).merge(sites, on="site", how="left")[["mass", "height"]]

# %% merge_asof_and_concat
import pandas as pd
left = pd.DataFrame({"t": [1, 5, 10], "a": [1.0, 2.0, 3.0]})
right = pd.DataFrame({"t": [2, 3, 7], "b": [4.0, 5.0, 6.0]})
x = pd.concat([pd.merge_asof(left, right, on="t"), left.assign(b=0.0)], ignore_index=True)

# %% pivot_and_melt
import pandas as pd
wide = frame.pivot_table(index="site", columns="kind", values="mass", aggfunc="mean", observed=False)
x = wide, frame.melt(id_vars="site", value_vars=["mass"]).shape

# %% csv_round_trip
import pandas as pd
frame.to_csv("frame.csv", index=False)
x = pd.read_csv("frame.csv")

# %% csv_gzip_in_chunks
import pandas as pd
frame.to_csv("frame.csv.gz", index=False, compression="gzip")
x = sum(len(part) for part in pd.read_csv("frame.csv.gz", chunksize=7))

# %% csv_temporary_folder
import os, tempfile
import pandas as pd
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a.tsv")
    frame.to_csv(path, sep="\t")
    x = pd.read_csv(path, sep="\t", index_col=0).shape

# %% json_and_pickle_round_trip
import io
import pandas as pd
frame.to_pickle("frame.pkl")
x = pd.read_pickle("frame.pkl"), pd.read_json(io.StringIO(frame[["mass"]].to_json()))

# %% csv_from_text
import io
import pandas as pd
x = pd.read_csv(io.StringIO("a,b\n1,x\n2,\n"), dtype={"b": "string"})

# %% categoricals
import pandas as pd
kinds = pd.Categorical(["low", "high", "low", None], categories=["low", "high"], ordered=True)
x = pd.Series(kinds), kinds.min(), pd.cut(frame["mass"], 3, labels=["s", "m", "l"])

# %% nullable
import pandas as pd
made = pd.DataFrame({"i": pd.array([1, None, 3], dtype="Int64"), "b": pd.array([True, None, False], dtype="boolean"), "s": pd.array(["a", None, "c"], dtype="string")})
x = made, made["i"].sum(), made.convert_dtypes()

# %% time_series
import pandas as pd
hours = pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin")
series = pd.Series(np.arange(72.0), index=hours)
x = series.resample("D").mean(), series.rolling("6h").sum().iloc[-1], series.tz_convert("UTC").index[0]

# %% periods_and_offsets
import pandas as pd
x = pd.Series([1.0, 2.0], index=pd.period_range("2024Q1", periods=2, freq="Q")), pd.Timestamp("2024-01-31") + pd.offsets.MonthEnd(1), pd.Timedelta("3h")

# %% multi_index
import pandas as pd
made = frame.set_index(["site", "kind"]).sort_index()
x = made, made.xs("p", level="kind").shape, made.unstack if False else 0

# %% strings
import pandas as pd
names = pd.Series(["Actin-B", "tubulin-a", None])
x = names.str.split("-").str[0].str.lower(), names.str.contains("a", na=False), names.str.extract(r"(\w)$")

# %% query_and_eval
import pandas as pd
x = frame.query("mass > 2 and kind == 'p'").eval("twice = mass * 2")

# %% interpolation_and_fill
import pandas as pd
made = pd.Series([1.0, np.nan, np.nan, 4.0])
x = made.interpolate(), made.ffill(), made.ewm(span=2).mean(), made.isna().sum()

# %% ranking_and_quantiles
import pandas as pd
x = frame["mass"].rank(), frame["mass"].quantile([0.1, 0.9]), pd.qcut(frame["mass"], 4, labels=False), frame.describe(include="all").shape

# %% correlation
import pandas as pd
x = pd.DataFrame(X[:, :4]).corr("spearman"), pd.DataFrame(X[:, :2]).cov()

# %% dummies_and_factorize
import pandas as pd
x = pd.get_dummies(frame["site"]), pd.factorize(frame["kind"])[0]

# %% apply_on_rows
import pandas as pd
x = frame.apply(lambda row: f"{row['site']}{row['mass']:.1f}", axis=1)

# %% sparse_columns
import pandas as pd
x = pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}), pd.DataFrame.sparse.from_spmatrix(__import__("scipy.sparse").sparse.eye(3)).sum().sum()

# %% intervals
import pandas as pd
x = pd.Series(pd.interval_range(0, 3)), pd.cut([0.5, 2.5], [0, 1, 3])

# %% printed_table_and_styler
import pandas as pd
print(frame)
with pd.option_context("display.max_rows", 3):
    x = len(frame.to_string()), len(frame.to_html()), frame.head().to_dict("records")

# %% explode_and_json_normalize
import pandas as pd
x = pd.DataFrame({"a": [[1, 2], [3]]}).explode("a"), pd.json_normalize([{"a": {"b": 1}}, {"a": {"b": 2}}])

# %% sql_in_memory
import sqlite3
import pandas as pd
with sqlite3.connect(":memory:") as base:
    frame.astype({"site": "object"}).to_sql("t", base, index=False)
    x = pd.read_sql("select site, avg(mass) as m from t group by site order by site", base)

# %% setting_on_a_copy_warns
import warnings
import pandas as pd
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    frame[frame["mass"] > 2]["mass"] = 0
x = frame["mass"].sum()

# %% data_file_of_the_notebook
import pandas as pd
x = pd.read_csv("data/measured.csv")["mass"].sum()

# %% data_file_opened_plainly
with open("data/measured.csv") as file:
    x = [line.strip() for line in file][:2]

# %% data_file_by_pathlib_and_glob
import glob
from pathlib import Path
x = [Path(name).name for name in sorted(glob.glob("data/*.csv"))], Path("data/measured.csv").exists(), Path("data/measured.csv").stat().st_size

# %% data_folder_walked
import os
x = [sorted(files) for _, _, files in os.walk("data", followlinks=True)]
