# ruff: noqa
"""scikit-learn and joblib."""

# %% linear_models
from sklearn.linear_model import ElasticNet, HuberRegressor, Lasso, LinearRegression, Ridge
x = [m.fit(X[:, 1:], X[:, 0]).score(X[:, 1:], X[:, 0]) for m in (LinearRegression(), Ridge(), Lasso(0.1), ElasticNet(0.1))]

# %% logistic_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
x = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y).score(X, y)

# %% logistic_that_does_not_converge
from sklearn.linear_model import LogisticRegression
x = round(LogisticRegression(max_iter=3).fit(X, y).score(X, y), 2)

# %% forest_all_cores
from sklearn.ensemble import RandomForestClassifier
x = RandomForestClassifier(40, n_jobs=-1, random_state=0, oob_score=True).fit(X, y).oob_score_

# %% extra_trees_verbose
from sklearn.ensemble import ExtraTreesRegressor
x = ExtraTreesRegressor(20, n_jobs=2, random_state=0, verbose=1).fit(X[:, 1:], X[:, 0]).feature_importances_

# %% gradient_boosting
from sklearn.ensemble import GradientBoostingClassifier
x = GradientBoostingClassifier(n_estimators=10, random_state=0).fit(X, y).predict_proba(X[:3])

# %% hist_gradient_boosting
from sklearn.ensemble import HistGradientBoostingRegressor
x = HistGradientBoostingRegressor(max_iter=15, random_state=0).fit(X[:, 1:], X[:, 0]).predict(X[:4, 1:])

# %% hist_gradient_boosting_early_stopping
from sklearn.ensemble import HistGradientBoostingClassifier
x = HistGradientBoostingClassifier(max_iter=30, early_stopping=True, random_state=1).fit(X, y).n_iter_

# %% adaboost_and_bagging
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.tree import DecisionTreeClassifier
bag = BaggingClassifier(DecisionTreeClassifier(max_depth=2), 10, n_jobs=-1, random_state=0).fit(X, y)
x = bag.score(X, y), AdaBoostClassifier(n_estimators=10, random_state=0).fit(X, y).score(X, y)

# %% stacking_all_cores
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.tree import DecisionTreeRegressor
parts = [("tree", DecisionTreeRegressor(max_depth=3, random_state=0)), ("ridge", RidgeCV())]
x = StackingRegressor(parts, n_jobs=2).fit(X[:, 1:], X[:, 0]).score(X[:, 1:], X[:, 0])

# %% voting
from sklearn.ensemble import VotingClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
x = VotingClassifier([("a", GaussianNB()), ("b", KNeighborsClassifier())], voting="soft", n_jobs=-1).fit(X, y).score(X, y)

# %% grid_search_two_jobs
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
x = GridSearchCV(SVC(), {"C": [0.1, 1, 10], "gamma": ["scale", 0.01]}, cv=3, n_jobs=2).fit(X, y).best_score_

# %% grid_search_verbose_pipeline
from sklearn.model_selection import GridSearchCV
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
steps = Pipeline([("pca", PCA()), ("ridge", Ridge())], memory="cache")
x = GridSearchCV(steps, {"pca__n_components": [2, 4]}, cv=3, n_jobs=2, verbose=3).fit(X[:, 1:], X[:, 0]).best_params_

# %% randomized_search
from scipy.stats import loguniform
from sklearn.model_selection import RandomizedSearchCV
from sklearn.linear_model import Ridge
x = RandomizedSearchCV(Ridge(), {"alpha": loguniform(1e-3, 1e3)}, n_iter=6, random_state=0, n_jobs=-1).fit(X[:, 1:], X[:, 0]).best_params_

# %% halving_search
from sklearn.experimental import enable_halving_search_cv
from sklearn.model_selection import HalvingGridSearchCV
from sklearn.tree import DecisionTreeClassifier
x = HalvingGridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 4]}, cv=3, random_state=0).fit(X, y).best_params_

# %% cross_validation_all_cores
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score, cross_validate
from sklearn.neighbors import KNeighborsClassifier
folds = StratifiedKFold(4, shuffle=True, random_state=0)
x = cross_val_score(KNeighborsClassifier(), X, y, cv=folds, n_jobs=-1), cross_val_predict(KNeighborsClassifier(), X, y, cv=folds, n_jobs=2)

# %% learning_curve
from sklearn.model_selection import learning_curve
from sklearn.naive_bayes import GaussianNB
x = learning_curve(GaussianNB(), X, y, cv=3, n_jobs=-1, shuffle=True, random_state=0)[2].mean(axis=1)

# %% permutation_importance_all_cores
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.naive_bayes import GaussianNB
x = permutation_importance(GaussianNB().fit(X, y), X, y, n_repeats=3, n_jobs=-1, random_state=0).importances_mean

# %% kmeans
from sklearn.cluster import KMeans, MiniBatchKMeans
x = KMeans(3, n_init=3, random_state=0).fit(X).inertia_, MiniBatchKMeans(3, n_init=1, random_state=0).fit(X).n_iter_

# %% density_and_spectral_clusters
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, SpectralClustering
from sklearn.preprocessing import scale
Z = scale(X)
x = np.bincount(DBSCAN(2.5, n_jobs=-1).fit_predict(Z) + 1), np.bincount(AgglomerativeClustering(3).fit_predict(Z))

# %% spectral_clusters
from sklearn.cluster import SpectralClustering
from sklearn.preprocessing import scale
x = sorted(np.bincount(SpectralClustering(3, random_state=0, affinity="nearest_neighbors").fit_predict(scale(X))).tolist())

# %% gaussian_mixture
from sklearn.mixture import GaussianMixture
x = GaussianMixture(3, random_state=0).fit(X).bic(X)

# %% pca_and_friends
from sklearn.decomposition import NMF, PCA, FastICA, TruncatedSVD
x = PCA(3).fit(X).explained_variance_ratio_, round(NMF(3, random_state=0, max_iter=400, init="nndsvd").fit(X).reconstruction_err_, 2), TruncatedSVD(2, random_state=0).fit(X).explained_variance_ratio_

# %% manifold_tsne
from sklearn.manifold import TSNE, Isomap
x = TSNE(2, perplexity=10, max_iter=250, n_jobs=-1, init="pca", random_state=0).fit_transform(X[:80]).shape, Isomap(n_components=2).fit_transform(X).shape

# %% neighbours
from sklearn.neighbors import BallTree, LocalOutlierFactor, NearestNeighbors
x = NearestNeighbors(n_neighbors=4, algorithm="brute", n_jobs=-1).fit(X).kneighbors(X[:5])[1], BallTree(X).query(X[:2], 3)[0]

# %% support_vectors
from sklearn.svm import SVR, LinearSVC, OneClassSVM
x = SVR().fit(X[:, 1:], X[:, 0]).score(X[:, 1:], X[:, 0]), OneClassSVM().fit(X).predict(X).sum()

# %% gaussian_process
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.preprocessing import scale
x = np.round(GaussianProcessRegressor(RBF() + WhiteKernel(), random_state=0).fit(scale(X[:60, 1:3]), X[:60, 0]).predict(scale(X[:60, 1:3])[:2]), 2)

# %% neural_network
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
x = MLPClassifier((16,), max_iter=60, random_state=0, early_stopping=True).fit(scale(X), y).score(scale(X), y)

# %% discriminant_and_bayes
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
x = LinearDiscriminantAnalysis().fit(X, y).score(X, y), QuadraticDiscriminantAnalysis().fit(X, y).score(X, y)

# %% isolation_forest
from sklearn.ensemble import IsolationForest
x = IsolationForest(n_estimators=30, n_jobs=-1, random_state=0).fit(X).predict(X).sum()

# %% column_transformer_on_a_frame
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
made = ColumnTransformer([("n", StandardScaler(), ["mass"]), ("c", OneHotEncoder(sparse_output=False), ["site"])], n_jobs=2)
x = made.set_output(transform="pandas").fit_transform(frame)

# %% text_features
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
texts = ["a cell divides", "the cell dies", "a gene is read"]
x = TfidfVectorizer().fit_transform(texts), CountVectorizer(ngram_range=(1, 2)).fit(texts).vocabulary_

# %% imputation_and_scaling
from sklearn.experimental import enable_iterative_imputer
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import PowerTransformer, QuantileTransformer
holes = X.copy()
holes[::7, 2] = np.nan
x = KNNImputer().fit_transform(holes)[:8, 2], PowerTransformer().fit_transform(X)[:2, :3], QuantileTransformer(n_quantiles=20).fit_transform(X)[:2, :3]

# %% feature_selection
from sklearn.feature_selection import RFECV, SelectKBest, f_classif, mutual_info_classif
from sklearn.linear_model import RidgeClassifier
x = SelectKBest(f_classif, k=3).fit(X, y).get_support(), RFECV(RidgeClassifier(), cv=3, n_jobs=-1, step=3).fit(X, y).n_features_

# %% own_estimator_cloned_in_threads
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import cross_val_score
class Nearest(ClassifierMixin, BaseEstimator):
    def __init__(self, power=2):
        self.power = power
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == c].mean(axis=0) for c in self.classes_])
        return self
    def predict(self, X):
        distance = (np.abs(X[:, None] - self.means_) ** self.power).sum(axis=2)
        return self.classes_[distance.argmin(axis=1)]
x = cross_val_score(Nearest(1), X, y, n_jobs=2), clone(Nearest(3)).power

# %% calibrated
from sklearn.calibration import CalibratedClassifierCV
from sklearn.naive_bayes import GaussianNB
x = CalibratedClassifierCV(GaussianNB(), cv=3, n_jobs=2).fit(X, y).predict_proba(X[:2])

# %% multi_output_all_cores
from sklearn.multioutput import MultiOutputRegressor
from sklearn.linear_model import BayesianRidge
x = MultiOutputRegressor(BayesianRidge(), n_jobs=-1).fit(X[:, 3:], X[:, :3]).predict(X[:2, 3:])

# %% one_vs_rest
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
x = OneVsRestClassifier(LinearSVC(random_state=0), n_jobs=2).fit((X - X.mean(0)) / X.std(0), y).score((X - X.mean(0)) / X.std(0), y)

# %% metrics
from sklearn.metrics import classification_report, confusion_matrix, pairwise_distances, roc_auc_score, silhouette_score
from sklearn.linear_model import RidgeClassifier
guess = RidgeClassifier().fit(X, y).predict(X)
x = confusion_matrix(y, guess), silhouette_score(X, y), pairwise_distances(X[:20], n_jobs=2).sum(), len(classification_report(y, guess))

# %% estimator_saved_with_joblib
import joblib
from sklearn.linear_model import Ridge
joblib.dump(Ridge().fit(X[:, 1:], X[:, 0]), "ridge.joblib", compress=3)
x = joblib.load("ridge.joblib").coef_

# %% estimator_pickled
import pickle
from sklearn.tree import DecisionTreeClassifier
x = pickle.loads(pickle.dumps(DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y))).score(X, y)

# %% partial_fit
from sklearn.linear_model import SGDClassifier
model = SGDClassifier(random_state=0)
for start in range(0, 150, 50):
    model.partial_fit(X[start : start + 50] / 100, y[start : start + 50], classes=[0, 1, 2])
x = model.coef_.shape

# %% bundled_data_set
from sklearn.datasets import load_diabetes, load_digits, make_blobs
x = load_digits().data.sum(), load_diabetes(as_frame=True).frame.shape, make_blobs(10, random_state=0)[0][:2]

# %% joblib_parallel
from joblib import Parallel, delayed
x = Parallel(n_jobs=-1)(delayed(pow)(n, 2) for n in range(10))

# %% joblib_loky_with_function_of_the_cell
from joblib import Parallel, delayed
def work(n):
    return float(np.sum(np.arange(n)))
x = Parallel(n_jobs=2, backend="loky", verbose=5)(delayed(work)(n) for n in range(8))

# %% joblib_prefer_processes
from joblib import Parallel, delayed, parallel_backend
with parallel_backend("multiprocessing", n_jobs=2):
    x = Parallel(prefer="processes", batch_size=2)(delayed(np.sqrt)(n) for n in range(6))

# %% joblib_config_and_generator
from joblib import Parallel, delayed, parallel_config
with parallel_config(backend="threading", n_jobs=2):
    x = list(Parallel(return_as="generator")(delayed(abs)(-n) for n in range(4)))

# %% joblib_memory
from joblib import Memory
memory = Memory("cache", verbose=0)
@memory.cache
def slow(n):
    return n * 2
x = slow(3) + slow(3)

# %% threadpool_limits
from threadpoolctl import threadpool_info, threadpool_limits
with threadpool_limits(1):
    x = float((X.T @ X).sum()), all("num_threads" in pool for pool in threadpool_info())
