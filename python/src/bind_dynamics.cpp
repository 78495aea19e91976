// Hops, displacement sums and coordination of many ions; the loop over threads is here, the kernels are in the core.
#include "bindings.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "ufp/bonds.hpp"
#include "ufp/displacements.hpp"
#include "ufp/error.hpp"
#include "ufp/hop_detector.hpp"
#include "ufp/running_median.hpp"
#include "ufp/simd.hpp"

namespace py = pybind11;

namespace
{

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

int thread_count(int requested)
{
#ifdef _OPENMP
  return requested > 0 ? requested : omp_get_max_threads();
#else
  (void)requested;
  return 1;
#endif
}

std::size_t extent(const py::array &array, py::ssize_t axis)
{
  return static_cast<std::size_t>(array.shape(axis));
}

void require(bool condition, const char *message)
{
  if (!condition) throw ufp::DomainError(message);
}

Doubles running_median(const Doubles &x, std::size_t half, int threads)
{
  require(x.ndim() == 2, "running_median: expected series of shape (M, T)");
  const std::size_t rows = extent(x, 0), n = extent(x, 1);
  Doubles out({x.shape(0), x.shape(1)});
  const double *in = x.data();
  double *result = out.mutable_data();
  {
    py::gil_scoped_release release;
#pragma omp parallel num_threads(thread_count(threads))
    {
      std::vector<double> window;
#pragma omp for schedule(static)
      for (std::size_t row = 0; row < rows; ++row) ufp::running_median(in + row * n, n, half, result + row * n, window);
    }
  }
  return out;
}

struct IonHops {
  std::vector<ufp::Hop> hops;
  std::int64_t excursions = 0;
  bool pending = false;
};

// One filtered ion, one threshold.
IonHops detect(const std::vector<double> &filtered, std::size_t n, double outer, double inner, std::int64_t residence,
               const ufp::Point &anchor)
{
  IonHops found;
  ufp::HopDetector detector(outer, inner, residence, anchor);
  for (std::size_t t = 0; t < n; ++t)
    if (detector.feed({filtered[t], filtered[n + t], filtered[2 * n + t]})) found.hops.push_back(detector.hop());
  found.excursions = detector.excursions();
  found.pending = detector.pending();
  return found;
}

class FilteredIon
{
 public:
  explicit FilteredIon(std::size_t n) : filtered_(3 * n), n_(n) {}

  void load(const double *series, std::size_t half, std::size_t residence)
  {
    for (std::size_t k = 0; k < 3; ++k) {
      ufp::running_median(series + k * n_, n_, half, filtered_.data() + k * n_, window_);
      const auto start = filtered_.begin() + static_cast<std::ptrdiff_t>(k * n_);
      window_.assign(start, start + static_cast<std::ptrdiff_t>(residence));
      const auto middle = window_.begin() + static_cast<std::ptrdiff_t>(residence / 2);
      std::nth_element(window_.begin(), middle, window_.end());
      anchor_[k] = *middle;
    }
  }

  const std::vector<double> &series() const { return filtered_; }
  const ufp::Point &anchor() const { return anchor_; }

 private:
  std::vector<double> filtered_, window_;
  ufp::Point anchor_{};
  std::size_t n_;
};

void check_series(const Doubles &series, std::size_t residence)
{
  require(series.ndim() == 3 && series.shape(1) == 3, "expected series of shape (N, 3, T)");
  require(residence > 0 && residence <= extent(series, 2), "expected 1 <= minimum residence <= number of frames");
}

// Number of hops of every ion at every threshold.
Integers hop_scan(const Doubles &series, std::size_t half, std::size_t residence, const std::vector<double> &outer,
                  double inner_ratio, int threads)
{
  check_series(series, residence);
  const std::size_t ions = extent(series, 0), n = extent(series, 2), columns = outer.size();
  Integers counts({ions, columns});
  const double *in = series.data();
  std::int64_t *out = counts.mutable_data();
  {
    py::gil_scoped_release release;
#pragma omp parallel num_threads(thread_count(threads))
    {
      FilteredIon ion(n);
#pragma omp for schedule(static)
      for (std::size_t i = 0; i < ions; ++i) {
        ion.load(in + 3 * n * i, half, residence);
        for (std::size_t c = 0; c < columns; ++c)
          out[i * columns + c] = static_cast<std::int64_t>(detect(ion.series(), n, outer[c], inner_ratio * outer[c],
                                                                  static_cast<std::int64_t>(residence), ion.anchor())
                                                               .hops.size());
      }
    }
  }
  return counts;
}

py::dict hop_events(const Doubles &series, std::size_t half, std::size_t residence, double outer, double inner,
                    int threads)
{
  check_series(series, residence);
  const std::size_t ions = extent(series, 0), n = extent(series, 2);
  const double *in = series.data();
  std::vector<IonHops> found(ions);
  {
    py::gil_scoped_release release;
#pragma omp parallel num_threads(thread_count(threads))
    {
      FilteredIon ion(n);
#pragma omp for schedule(static)
      for (std::size_t i = 0; i < ions; ++i) {
        ion.load(in + 3 * n * i, half, residence);
        found[i] = detect(ion.series(), n, outer, inner, static_cast<std::int64_t>(residence), ion.anchor());
      }
    }
  }
  std::size_t total = 0;
  for (const IonHops &ion : found) total += ion.hops.size();
  Integers which(static_cast<py::ssize_t>(total)), leave(static_cast<py::ssize_t>(total)),
      arrive(static_cast<py::ssize_t>(total));
  Doubles from({total, std::size_t{3}}), displacement({total, std::size_t{3}});
  py::array_t<bool> is_return(static_cast<py::ssize_t>(total)), pending(static_cast<py::ssize_t>(ions));
  Integers excursions(static_cast<py::ssize_t>(ions));
  std::size_t row = 0;
  for (std::size_t i = 0; i < ions; ++i) {
    excursions.mutable_data()[i] = found[i].excursions;
    pending.mutable_data()[i] = found[i].pending;
    for (const ufp::Hop &hop : found[i].hops) {
      which.mutable_data()[row] = static_cast<std::int64_t>(i);
      leave.mutable_data()[row] = hop.leave;
      arrive.mutable_data()[row] = hop.arrive;
      is_return.mutable_data()[row] = hop.is_return;
      std::copy(hop.from.begin(), hop.from.end(), from.mutable_data() + 3 * row);
      std::copy(hop.displacement.begin(), hop.displacement.end(), displacement.mutable_data() + 3 * row);
      ++row;
    }
  }
  return py::dict(py::arg("ion") = which, py::arg("leave") = leave, py::arg("arrive") = arrive, py::arg("from") = from,
                  py::arg("displacement") = displacement, py::arg("is_return") = is_return,
                  py::arg("excursions") = excursions, py::arg("pending") = pending);
}

// Sums over origins edges[l][b] <= t0 < edges[l][b+1] of the six displacement products at lags[l].
Doubles displacement_sums(const Doubles &series, const Integers &lags, const Integers &edges, int threads)
{
  require(series.ndim() == 3 && series.shape(1) == 3, "displacement_sums: expected series of shape (N, 3, T)");
  require(lags.ndim() == 1 && edges.ndim() == 2 && edges.shape(0) == lags.shape(0) && edges.shape(1) > 1,
          "displacement_sums: expected lags (L,) and edges (L, B + 1)");
  const std::size_t ions = extent(series, 0), n = extent(series, 2), n_lags = extent(lags, 0),
                    blocks = extent(edges, 1) - 1;
  for (py::ssize_t l = 0; l < lags.shape(0); ++l) {
    require(lags.at(l) >= 0 && edges.at(l, 0) >= 0, "displacement_sums: expected lags and origins >= 0");
    for (std::size_t b = 0; b < blocks; ++b)
      require(edges.at(l, b) <= edges.at(l, b + 1) && edges.at(l, b + 1) + lags.at(l) <= series.shape(2),
              "displacement_sums: expected ascending origins that leave room for the lag");
  }
  Doubles sums({ions, n_lags, blocks, std::size_t{6}});
  std::fill_n(sums.mutable_data(), sums.size(), 0.0);
  const double *in = series.data();
  const std::int64_t *lag = lags.data(), *edge = edges.data();
  double *out = sums.mutable_data();
  ufp::simd_from_environment();  // a wrong UFP_SIMD is refused here, not in a thread
  {
    py::gil_scoped_release release;
#pragma omp parallel for schedule(static) num_threads(thread_count(threads))
    for (std::size_t i = 0; i < ions; ++i)
      for (std::size_t l = 0; l < n_lags; ++l)
        for (std::size_t b = 0; b < blocks; ++b) {
          const std::int64_t *range = edge + l * (blocks + 1) + b;
          ufp::displacement_sums(in + 3 * n * i, n, static_cast<std::size_t>(lag[l]),
                                 static_cast<std::size_t>(range[0]), static_cast<std::size_t>(range[1]),
                                 out + ((i * n_lags + l) * blocks + b) * 6);
        }
  }
  return sums;
}

struct CheckedCell {
  CheckedCell(const Doubles &a, const Doubles &b, const Doubles &cell, const Doubles &inverse)
  {
    require(a.ndim() == 3 && a.shape(1) == 3 && b.ndim() == 3 && b.shape(1) == 3 && a.shape(2) == b.shape(2),
            "expected two sets of series of shapes (N, 3, T) and (M, 3, T)");
    require(cell.ndim() == 3 && cell.shape(0) == a.shape(2) && cell.shape(1) == 3 && cell.shape(2) == 3 &&
                inverse.ndim() == 3 && inverse.shape(0) == a.shape(2) && inverse.shape(1) == 3 && inverse.shape(2) == 3,
            "expected cell and inverse of shape (T, 3, 3)");
  }
};

// Number of neighbours of every centre, (N, T): raw with one radius, and settled from filtered distances with two.
py::tuple coordination(const Doubles &centres, const Doubles &neighbours, const Doubles &cell, const Doubles &inverse,
                       std::size_t half, double radius, double gap, int threads)
{
  const CheckedCell checked(centres, neighbours, cell, inverse);
  const std::size_t ions = extent(centres, 0), others = extent(neighbours, 0), n = extent(centres, 2);
  py::array_t<std::int16_t> raw({ions, n}), settled({ions, n});
  std::fill_n(raw.mutable_data(), raw.size(), std::int16_t{0});
  std::fill_n(settled.mutable_data(), settled.size(), std::int16_t{0});
  const double *a = centres.data(), *b = neighbours.data(), *h = cell.data(), *g = inverse.data();
  std::int16_t *out_raw = raw.mutable_data(), *out_settled = settled.mutable_data();
  {
    py::gil_scoped_release release;
#pragma omp parallel num_threads(thread_count(threads))
    {
      std::vector<double> distance(n), filtered(n), window;
#pragma omp for schedule(static)
      for (std::size_t i = 0; i < ions; ++i)
        for (std::size_t j = 0; j < others; ++j) {
          ufp::pair_distances(a + 3 * n * i, b + 3 * n * j, h, g, n, distance.data());
          if (*std::min_element(distance.begin(), distance.end()) >= radius) continue;
          ufp::add_bond(distance.data(), n, radius, radius, out_raw + n * i);
          ufp::running_median(distance.data(), n, half, filtered.data(), window);
          ufp::add_bond(filtered.data(), n, radius - gap, radius + gap, out_settled + n * i);
        }
    }
  }
  return py::make_tuple(raw, settled);
}

// Distances (N, M, T) of every centre to every neighbour.
Doubles distances(const Doubles &centres, const Doubles &neighbours, const Doubles &cell, const Doubles &inverse,
                  int threads)
{
  const CheckedCell checked(centres, neighbours, cell, inverse);
  const std::size_t ions = extent(centres, 0), others = extent(neighbours, 0), n = extent(centres, 2);
  Doubles out({ions, others, n});
  const double *a = centres.data(), *b = neighbours.data(), *h = cell.data(), *g = inverse.data();
  double *result = out.mutable_data();
  {
    py::gil_scoped_release release;
#pragma omp parallel for schedule(static) num_threads(thread_count(threads))
    for (std::size_t i = 0; i < ions; ++i)
      for (std::size_t j = 0; j < others; ++j)
        ufp::pair_distances(a + 3 * n * i, b + 3 * n * j, h, g, n, result + (i * others + j) * n);
  }
  return out;
}

}  // namespace

void bind_dynamics(py::module_ &m)
{
  m.def("running_median", &running_median, py::arg("x"), py::arg("half"), py::arg("threads") = 0,
        "Running median of every row of x (M, T); the window of 2 half + 1 frames shrinks symmetrically at the ends.");
  m.def("hop_scan", &hop_scan, py::arg("series"), py::arg("half"), py::arg("minimum_residence"),
        py::arg("outer_radius"), py::arg("inner_ratio"), py::arg("threads") = 0,
        "Number of hops (N, R) of every ion of series (N, 3, T) in A at every outer radius.");
  m.def("hop_events", &hop_events, py::arg("series"), py::arg("half"), py::arg("minimum_residence"),
        py::arg("outer_radius"), py::arg("inner_radius"), py::arg("threads") = 0,
        "Hops of every ion of series (N, 3, T) in A: dict of arrays, ordered by ion, then time.");
  m.def("displacement_sums", &displacement_sums, py::arg("series"), py::arg("lags"), py::arg("edges"),
        py::arg("threads") = 0,
        "Sums (N, L, B, 6) in A^2 of displacement products xx yy zz xy xz yz over blocks of origins.");
  m.def("coordination", &coordination, py::arg("centres"), py::arg("neighbours"), py::arg("cell"), py::arg("inverse"),
        py::arg("half"), py::arg("radius"), py::arg("gap"), py::arg("threads") = 0,
        "Coordination numbers (N, T): raw with one radius, and of filtered distances with two radii.");
  m.def("distances", &distances, py::arg("centres"), py::arg("neighbours"), py::arg("cell"), py::arg("inverse"),
        py::arg("threads") = 0, "Minimum-image distances (N, M, T) in A.");
}
