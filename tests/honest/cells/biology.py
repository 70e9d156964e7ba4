# ruff: noqa
"""AnnData, Scanpy, and other scientific packages; drawing and compiling."""

# %% anndata_basics
import anndata as ad
made = ad.AnnData(np.arange(12.0).reshape(4, 3))
made.obs["group"] = ["a", "b", "a", "b"]
made.layers["log"] = np.log1p(made.X)
x = made[made.obs["group"] == "a"].copy()

# %% anndata_h5ad_round_trip [slow]
import anndata as ad
made = ad.AnnData(np.arange(12.0).reshape(4, 3))
made.obs["group"] = ["a", "b", "a", "b"]
made.write_h5ad("made.h5ad", compression="gzip")
back = ad.read_h5ad("made.h5ad")
x = back.X, back.obs["group"].tolist()

# %% anndata_backed
import anndata as ad
ad.AnnData(np.eye(5)).write_h5ad("held.h5ad")
back = ad.read_h5ad("held.h5ad", backed="r")
x = back[:2].to_memory().X
back.file.close()

# %% anndata_concat
import anndata as ad
x = ad.concat({"a": cells[:5].copy(), "b": cells[5:9].copy()}, label="batch", index_unique="-").obs["batch"].value_counts()

# %% h5py_file
import h5py
with h5py.File("a.h5", "w") as file:
    file.create_dataset("d", data=np.arange(100).reshape(10, 10), chunks=True, compression="gzip")
    file.attrs["unit"] = "mm"
with h5py.File("a.h5") as file:
    x = file["d"][2:4, ::3], file.attrs["unit"]

# %% scanpy_filter_and_normalise
import scanpy as sc
sc.pp.filter_genes(cells, min_cells=3)
sc.pp.normalize_total(cells, target_sum=1e4)
sc.pp.log1p(cells)
x = cells.shape, float(np.asarray(cells.X.sum()))

# %% scanpy_variable_genes
import scanpy as sc
sc.pp.normalize_total(cells, target_sum=1e4)
sc.pp.log1p(cells)
sc.pp.highly_variable_genes(cells, n_top_genes=20)
x = cells.var["highly_variable"].sum()

# %% scanpy_pca
import scanpy as sc
sc.pp.log1p(cells)
sc.pp.scale(cells, max_value=10)
sc.tl.pca(cells, n_comps=8, svd_solver="arpack", random_state=0)
x = np.round(cells.uns["pca"]["variance_ratio"], 4)

# %% scanpy_leiden [needs leidenalg]
import scanpy as sc
sc.pp.pca(cells, n_comps=8)
sc.pp.neighbors(cells, n_neighbors=8)
sc.tl.leiden(cells, random_state=0)
x = len(cells.obs["leiden"].unique()) > 0

# %% scanpy_combat
import scanpy as sc
sc.pp.log1p(cells)
sc.pp.combat(cells, key="batch")
x = np.round(float(np.asarray(cells.X).mean()), 4)

# %% scanpy_rank_genes
import scanpy as sc
sc.pp.log1p(cells)
sc.tl.rank_genes_groups(cells, "batch", method="wilcoxon")
x = sc.get.rank_genes_groups_df(cells, group="b").shape

# %% scanpy_quality_and_scores
import scanpy as sc
sc.pp.calculate_qc_metrics(cells, percent_top=[10], inplace=True)
sc.tl.score_genes(cells, cells.var_names[:5].tolist(), ctrl_size=5, n_bins=5, random_state=0)
x = cells.obs["total_counts"].sum(), np.round(cells.obs["score"].mean(), 4)

# %% scanpy_verbose_settings
import scanpy as sc
sc.settings.verbosity = 3
sc.settings.figdir = "figures"
sc.pp.log1p(cells)
sc.logging.print_header() if False else None
x = cells.uns["log1p"] is not None

# %% scanpy_plot [slow]
import scanpy as sc
sc.pp.pca(cells, n_comps=4)
sc.pl.pca(cells, color="batch", show=False, save="_a.png")
import os
x = os.path.getsize("figures/pca_a.png") > 1000

# %% matplotlib_savefig
import matplotlib
import matplotlib.pyplot as plt
figure, axes = plt.subplots(1, 2, figsize=(4, 2))
axes[0].plot(X[:, 0])
axes[1].imshow(np.eye(5))
axes[0].set_title("masses $m_i$ in µg")
figure.savefig("plot.png", dpi=50)
plt.close(figure)
x = open("plot.png", "rb").read(4), matplotlib.get_backend().lower()

# %% matplotlib_pdf_in_memory
import io
import matplotlib.pyplot as plt
held = io.BytesIO()
plt.hist(X[:, 0])
plt.savefig(held, format="pdf")
plt.close("all")
x = held.getvalue()[:4]

# %% matplotlib_show_does_nothing
import warnings
import matplotlib.pyplot as plt
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    plt.plot([1, 2])
    plt.show()
plt.close("all")
x = 1.0

# %% seaborn [needs seaborn] [slow]
import seaborn as sns
import matplotlib.pyplot as plt
sns.set_theme()
axes = sns.boxplot(frame, x="site", y="mass")
axes.figure.savefig("b.svg")
plt.close("all")
x = len(axes.get_xticks())

# %% pillow [needs PIL]
from PIL import Image, ImageDraw, ImageFilter
image = Image.new("L", (20, 20))
ImageDraw.Draw(image).rectangle((5, 5, 9, 9), fill=255)
image.filter(ImageFilter.GaussianBlur(1)).save("a.png")
x = np.asarray(Image.open("a.png")).sum(dtype=float)

# %% statsmodels [needs statsmodels] [slow]
import statsmodels.api as sm
x = np.round(sm.OLS(X[:, 0], sm.add_constant(X[:, 1:3])).fit().params, 5)

# %% statsmodels_formula [needs statsmodels]
import statsmodels.formula.api as smf
x = np.round(smf.ols("mass ~ C(kind)", frame).fit().params.to_numpy(), 5)

# %% networkx [needs networkx]
import networkx as nx
graph = nx.karate_club_graph()
x = nx.density(graph), max(nx.pagerank(graph).values()), [len(c) for c in nx.community.greedy_modularity_communities(graph)]

# %% numba_jit [needs numba] [slow]
from numba import njit
@njit
def total(values):
    found = 0.0
    for value in values:
        found += value
    return found
x = total(X[:, 0])

# %% numba_cached [needs numba] [slow]
from numba import njit
@njit(cache=True)
def double(value):
    return value * 2
x = double(2.5)

# %% numba_parallel [needs numba] [slow]
import numba
@numba.njit(parallel=True)
def squares(values):
    out = np.empty_like(values)
    for at in numba.prange(len(values)):
        out[at] = values[at] ** 2
    return out
x = squares(np.arange(1000.0)).sum()

# %% numba_vectorize [needs numba]
from numba import vectorize
@vectorize(["float64(float64, float64)"])
def hypot(a, b):
    return (a * a + b * b) ** 0.5
x = hypot(np.array([3.0, 5.0]), np.array([4.0, 12.0]))

# %% torch_matmul_and_gradient [needs torch]
import torch
weights = torch.ones(3, requires_grad=True)
(weights * torch.arange(3.0)).sum().backward()
x = weights.grad.numpy()

# %% torch_training [needs torch]
import torch
torch.manual_seed(0)
model = torch.nn.Linear(13, 1)
optimiser = torch.optim.Adam(model.parameters())
for _ in range(5):
    optimiser.zero_grad()
    loss = model(torch.tensor(X, dtype=torch.float32)).pow(2).mean()
    loss.backward()
    optimiser.step()
x = bool(loss.item() > 0)

# %% torch_loader_without_workers [needs torch]
import torch
from torch.utils.data import DataLoader, TensorDataset
x = sum(len(batch[0]) for batch in DataLoader(TensorDataset(torch.tensor(X)), batch_size=32, shuffle=True))

# %% sympy [needs sympy]
import sympy
s = sympy.symbols("s")
x = float(sympy.integrate(sympy.exp(-s), (s, 0, sympy.oo)))
