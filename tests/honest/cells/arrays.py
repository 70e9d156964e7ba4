# ruff: noqa
"""NumPy and SciPy."""

# %% numpy_broadcasting
a = np.arange(12.0).reshape(3, 4)
x = (a - a.mean(axis=0)) / a.std(axis=0)

# %% numpy_linalg
m = np.array([[4.0, 1.0], [1.0, 3.0]])
x = np.linalg.solve(m, np.array([1.0, 2.0])), np.linalg.det(m), np.linalg.eigvalsh(m)

# %% numpy_matmul_large
a = np.linspace(0, 1, 250_000).reshape(500, 500)
x = float(np.trace(a @ a.T))

# %% numpy_fft
signal = np.sin(np.linspace(0, 20 * np.pi, 512, endpoint=False))
x = int(np.abs(np.fft.rfft(signal)).argmax())

# %% numpy_random_generator
rng = np.random.default_rng(7)
x = rng.normal(size=5), rng.permutation(6), rng.choice(10, 3, replace=False)

# %% numpy_random_legacy
np.random.seed(3)
x = np.random.rand(4), np.random.randint(0, 9, 3)

# %% numpy_random_unseeded_global
x = np.random.rand(3)

# %% numpy_structured
table = np.array([("a", 1, 2.5), ("b", 2, 3.5)], dtype=[("name", "U4"), ("count", "i4"), ("mass", "f8")])
x = np.sort(table, order="mass")[::-1]

# %% numpy_datetimes
days = np.arange("2024-02-27", "2024-03-02", dtype="datetime64[D]")
x = np.is_busday(days), np.diff(days).astype(int)

# %% numpy_masked
masked = np.ma.masked_less(np.array([1.0, -2.0, 3.0]), 0)
x = float(masked.mean()), masked.filled(0)

# %% numpy_strings
x = np.char.upper(np.array(["gene", "cell"])).tolist()

# %% numpy_einsum
a = np.arange(24.0).reshape(2, 3, 4)
x = np.einsum("ijk,ilk->jl", a, a)

# %% numpy_memmap_in_scratch
held = np.memmap("held.dat", dtype="float32", mode="w+", shape=(100, 10))
held[:] = np.arange(10)
held.flush()
x = float(np.memmap("held.dat", dtype="float32", mode="r", shape=(100, 10)).sum())

# %% numpy_save_and_load
np.save("a.npy", np.arange(5))
np.savez_compressed("b.npz", first=np.ones(3), second=np.zeros(2))
with np.load("b.npz") as held:
    x = np.load("a.npy"), held["first"]

# %% numpy_text_files
np.savetxt("m.txt", np.eye(3), fmt="%.2f")
x = np.genfromtxt("m.txt"), np.loadtxt("m.txt").sum()

# %% numpy_inputs_changed_in_place
X -= X.mean(axis=0)
X /= X.std(axis=0)
x = float(np.abs(X).max())

# %% numpy_vectorize
x = np.vectorize(lambda a, b: a if a > b else b)([1, 5, 2], [3, 3, 3])

# %% numpy_errstate
with np.errstate(divide="ignore", invalid="ignore"):
    x = np.nan_to_num(np.array([1.0, 0.0]) / np.array([0.0, 0.0]), posinf=9.0)

# %% numpy_divide_warning
x = float(np.isinf(np.array([1.0]) / np.array([0.0]))[0])

# %% numpy_subclass
class Quantity(np.ndarray):
    pass
x = float((np.arange(3.0).view(Quantity) * 2).sum())

# %% numpy_polynomial
from numpy.polynomial import Polynomial
x = Polynomial.fit([0, 1, 2, 3], [1, 3, 7, 13], 2).convert().coef

# %% numpy_histogram_and_interp
counts, edges = np.histogram(X[:, 0], bins=8)
x = counts, np.interp(13.0, edges[1:], np.cumsum(counts) / counts.sum())

# %% numpy_float16_and_complex
x = np.arange(4, dtype="float16") / 3, np.exp(1j * np.pi * np.arange(3))

# %% numpy_print_options
np.set_printoptions(precision=2, suppress=True)
x = str(np.array([1.23456, 2e-9]))

# %% scipy_minimize
from scipy.optimize import minimize
found = minimize(lambda p: (p[0] - 1) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2, [0.0, 0.0], method="L-BFGS-B")
x = bool(found.success), np.round(found.x, 3)

# %% scipy_minimize_nelder_mead
from scipy.optimize import minimize
x = np.round(minimize(lambda p: abs(p[0] - 3) + abs(p[1]), [0.0, 1.0], method="Nelder-Mead").x, 3)

# %% scipy_curve_fit
from scipy.optimize import curve_fit
t = np.linspace(0, 4, 30)
popt, pcov = curve_fit(lambda t, a, k: a * np.exp(-k * t), t, 2.5 * np.exp(-1.3 * t), p0=[1, 1])
x = np.round(popt, 4)

# %% scipy_differential_evolution
from scipy.optimize import differential_evolution, rosen
x = np.round(differential_evolution(rosen, [(0, 2)] * 2, seed=1, tol=1e-8).x, 3)

# %% scipy_differential_evolution_all_cores
from scipy.optimize import differential_evolution
from multiprocessing.pool import ThreadPool
with ThreadPool(2) as pool:
    found = differential_evolution(
        lambda p: float(np.sum((p - 0.5) ** 2)), [(0, 1)] * 2, seed=1, workers=pool.map, updating="deferred"
    )
x = np.round(found.x, 3)

# %% scipy_least_squares
from scipy.optimize import least_squares
x = np.round(least_squares(lambda p: [p[0] - 2, p[1] + 1, p[0] * p[1] + 2], [0.5, 0.5], loss="soft_l1").x, 3)

# %% scipy_linprog_and_milp
from scipy.optimize import LinearConstraint, linprog, milp
line = linprog([-1, -2], A_ub=[[1, 1], [3, 1]], b_ub=[4, 6])
whole = milp([-1, -2], constraints=LinearConstraint([[1, 1], [3, 1]], ub=[4, 6]), integrality=[1, 1])
x = round(line.fun, 6), round(whole.fun, 6)

# %% scipy_root
from scipy.optimize import brentq, root
x = brentq(lambda v: v**3 - 2, 0, 2), np.round(root(lambda v: [v[0] + v[1] - 3, v[0] - v[1] - 1], [0, 0]).x, 6)

# %% scipy_assignment
from scipy.optimize import linear_sum_assignment
x = linear_sum_assignment(np.array([[4, 1, 3], [2, 0, 5], [3, 2, 2]]))

# %% scipy_sparse
import scipy.sparse as sp
m = sp.random(60, 40, density=0.1, random_state=0, format="csr")
x = m.nnz, float((m @ m.T).sum()), m[:5]

# %% scipy_sparse_solvers
import scipy.sparse as sp
from scipy.sparse.linalg import cg, eigsh, spsolve
m = sp.diags([-1.0, 2.5, -1.0], [-1, 0, 1], shape=(50, 50), format="csc")
ones = np.ones(50)
x = np.round(spsolve(m, ones)[:3], 6), np.round(cg(m, ones, rtol=1e-10)[0][:3], 4), np.round(eigsh(m, 2)[0], 5)

# %% scipy_sparse_graph
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, shortest_path
g = csr_matrix(np.array([[0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
x = connected_components(g), shortest_path(g)[0, 2]

# %% scipy_sparse_npz
import scipy.sparse as sp
sp.save_npz("m.npz", sp.eye(4, format="csr"))
x = sp.load_npz("m.npz")

# %% scipy_signal
from scipy import signal
t = np.linspace(0, 1, 400)
wave = np.sin(2 * np.pi * 5 * t) + 0.3 * np.sin(2 * np.pi * 60 * t)
b, a = signal.butter(4, 0.1)
x = np.round(signal.filtfilt(b, a, wave)[50:53], 5), len(signal.find_peaks(wave, height=0.9)[0])

# %% scipy_savgol_and_spectrogram
from scipy import signal
f, t, s = signal.spectrogram(np.sin(np.arange(2000) * 0.3), fs=10.0)
x = s.shape, np.round(signal.savgol_filter(np.arange(9.0) ** 2, 5, 2), 6)

# %% scipy_stats
from scipy import stats
a, b = X[y == 0, 0], X[y == 1, 0]
x = stats.ttest_ind(a, b).pvalue, stats.mannwhitneyu(a, b).statistic, stats.spearmanr(X[:, 0], X[:, 1]).statistic

# %% scipy_stats_fit
from scipy import stats
x = np.round(stats.gamma.fit(X[:, 4], floc=0), 4), stats.norm.ppf(0.975), stats.kstest(X[:, 0], "norm", (13, 0.8)).pvalue

# %% scipy_stats_bootstrap
from scipy import stats
x = stats.bootstrap((X[:, 0],), np.mean, n_resamples=200, random_state=np.random.default_rng(0)).confidence_interval.low

# %% scipy_gaussian_kde
from scipy import stats
x = stats.gaussian_kde(X[:, 0])([12.0, 13.0, 14.0])

# %% scipy_ndimage
from scipy import ndimage
image = np.zeros((40, 40))
image[5:10, 5:10] = image[20:30, 25:35] = 1
labels, count = ndimage.label(ndimage.gaussian_filter(image, 1) > 0.4)
x = count, ndimage.center_of_mass(image, labels, [1, 2]), float(ndimage.sobel(image).sum())

# %% scipy_linalg
from scipy import linalg
m = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
x = linalg.expm(m / 4), linalg.cholesky(m), np.abs(linalg.svd(X - X.mean(0), full_matrices=False)[1])

# %% scipy_integrate
from scipy.integrate import quad, solve_ivp
path = solve_ivp(lambda t, v: [v[1], -v[0]], (0, 6), [1.0, 0.0], rtol=1e-8, atol=1e-8)
x = quad(lambda v: np.exp(-v * v), -np.inf, np.inf)[0], np.round(path.y[:, -1], 5)

# %% scipy_ode_stiff
from scipy.integrate import solve_ivp
found = solve_ivp(lambda t, v: [-100 * v[0] + v[1], -v[1]], (0, 1), [1.0, 1.0], method="LSODA")
x = np.round(found.y[:, -1], 2)

# %% scipy_interpolate
from scipy.interpolate import CubicSpline, RegularGridInterpolator, griddata
t = np.linspace(0, 3, 8)
grid = RegularGridInterpolator((t, t), np.outer(t, t))
x = CubicSpline(t, np.sin(t))(1.1), grid([[1.2, 2.1]]), griddata([(0, 0), (0, 1), (1, 0), (1, 1)], [0, 1, 1, 2], (0.5, 0.2))

# %% scipy_spatial
from scipy.spatial import ConvexHull, Delaunay, cKDTree
from scipy.spatial.distance import cdist, pdist, squareform
points = np.random.default_rng(0).random((50, 2))
x = cKDTree(points).query(points[:3], k=3, workers=-1)[0], ConvexHull(points).volume, len(Delaunay(points).simplices)

# %% scipy_hierarchy
from scipy.cluster.hierarchy import fcluster, linkage
x = np.bincount(fcluster(linkage(X, "ward"), 3, "maxclust"))

# %% scipy_fft_workers
from scipy import fft
x = float(np.abs(fft.fft2(np.ones((64, 64)), workers=2)).sum())

# %% scipy_special
from scipy import special
x = special.gamma(4.5), special.expit([-1, 0, 1]), special.logsumexp([1.0, 2.0])

# %% scipy_io
import scipy.io
scipy.io.savemat("m.mat", {"a": np.eye(2)})
scipy.io.mmwrite("m.mtx", np.eye(2))
x = scipy.io.loadmat("m.mat")["a"], scipy.io.mmread("m.mtx")

# %% scipy_wav
from scipy.io import wavfile
wavfile.write("a.wav", 8000, (np.sin(np.arange(80)) * 1000).astype("int16"))
x = wavfile.read("a.wav")
