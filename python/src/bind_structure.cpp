// Histograms of distances and angles; the loops over frames and threads are here, the kernels in the core. Counts are
// integers and every frame is computed alone: the result does not depend on the number of threads.
#include "bindings.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "team_size.hpp"
#include "ufp/error.hpp"
#include "ufp/pair_histogram.hpp"

namespace py = pybind11;

namespace
{

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

std::size_t extent(const py::array &array, py::ssize_t axis)
{
  return static_cast<std::size_t>(array.shape(axis));
}

void require(bool condition, const char *message)
{
  if (!condition) throw ufp::DomainError(message);
}

void require_frames(const Doubles &points, const Doubles &cells)
{
  require(points.ndim() == 3 && points.shape(2) == 3, "expected positions of shape (T, N, 3)");
  require(cells.ndim() == 3 && cells.shape(0) == points.shape(0) && cells.shape(1) == 3 && cells.shape(2) == 3,
          "expected cells of shape (T, 3, 3)");
  for (py::ssize_t k = 0; k < points.size(); ++k)
    require(std::isfinite(points.data()[k]), "expected positions that are finite numbers");
}

ufp::PeriodicBox box_of(const double *cell)
{
  std::array<double, 9> rows{};
  std::copy(cell, cell + 9, rows.begin());
  return ufp::PeriodicBox(rows, {true, true, true});
}

// Runs task(k) for k < n in parallel; the exception of the lowest k is thrown afterwards.
template <typename Task> void parallel_tasks(std::size_t n, int threads, Task task)
{
  std::vector<std::exception_ptr> failed(n);
#pragma omp parallel for schedule(dynamic) num_threads(team_size(threads))
  for (std::size_t k = 0; k < n; ++k) {
    try {
      task(k);
    } catch (...) {
      failed[k] = std::current_exception();
    }
  }
  for (const std::exception_ptr &error : failed)
    if (error) std::rethrow_exception(error);
}

Integers zeros(std::vector<std::size_t> shape)
{
  Integers out(std::vector<py::ssize_t>(shape.begin(), shape.end()));
  std::fill_n(out.mutable_data(), out.size(), std::int64_t{0});
  return out;
}

Integers pair_histogram(const Doubles &a, const Doubles &b, const Doubles &cells, bool same, double radius,
                        std::size_t bins, int threads)
{
  require_frames(a, cells);
  require_frames(b, cells);
  require(!same || a.shape(1) == b.shape(1), "expected the same atoms twice");
  require(bins > 0, "expected at least one bin");
  const std::size_t frames = extent(a, 0), n = extent(a, 1), m = extent(b, 1);
  Integers counts = zeros({frames, bins});
  const double *pa = a.data(), *pb = b.data(), *cell = cells.data();
  std::int64_t *out = counts.mutable_data();
  {
    py::gil_scoped_release release;
    parallel_tasks(frames, threads, [&](std::size_t t) {
      ufp::pair_histogram(pa + 3 * n * t, n, pb + 3 * m * t, m, box_of(cell + 9 * t), radius, same, bins,
                          out + bins * t);
    });
  }
  return counts;
}

// Distances r_i(t0 + lag) - r_j(t0) in the cell at t0, summed over the origins of each block: (B, L, bins).
Integers distinct_histogram(const Doubles &positions, const Doubles &cells, const Integers &origins,
                            const Integers &edges, const Integers &lags, double radius, std::size_t bins, int threads)
{
  require_frames(positions, cells);
  require(origins.ndim() == 1 && edges.ndim() == 1 && edges.size() > 1 && lags.ndim() == 1 && bins > 0,
          "expected origins (O,), edges (B + 1,), lags (L,) and at least one bin");
  require(edges.at(0) == 0 && edges.at(edges.size() - 1) == origins.size(), "expected edges from 0 to the last origin");
  const std::size_t frames = extent(positions, 0), n = extent(positions, 1), n_lags = extent(lags, 0),
                    blocks = extent(edges, 0) - 1;
  for (py::ssize_t o = 0; o < origins.size(); ++o)
    for (py::ssize_t l = 0; l < lags.size(); ++l)
      require(origins.at(o) >= 0 && lags.at(l) >= 0 && origins.at(o) + lags.at(l) < static_cast<py::ssize_t>(frames),
              "expected origins that leave room for every lag");
  Integers counts = zeros({blocks, n_lags, bins});
  const double *x = positions.data(), *cell = cells.data();
  const std::int64_t *origin = origins.data(), *edge = edges.data(), *lag = lags.data();
  std::int64_t *out = counts.mutable_data();
  {
    py::gil_scoped_release release;
    parallel_tasks(blocks, threads, [&](std::size_t b) {
      for (std::int64_t o = edge[b]; o < edge[b + 1]; ++o) {
        const auto t = static_cast<std::size_t>(origin[o]);
        const ufp::ImageCloud cloud(x + 3 * n * t, n, box_of(cell + 9 * t), radius);
        for (std::size_t l = 0; l < n_lags; ++l)
          ufp::pair_histogram(x + 3 * n * (t + static_cast<std::size_t>(lag[l])), n, cloud, true, bins,
                              out + (b * n_lags + l) * bins);
      }
    });
  }
  return counts;
}

// Counts (N, L, B, bins) would be large: counts (L, B, bins) over all ions and moments (N, L, B, 2).
py::tuple displacement_histogram(const Doubles &series, const Integers &lags, const Integers &edges, double radius,
                                 std::size_t bins, int threads)
{
  require(series.ndim() == 3 && series.shape(1) == 3, "expected series of shape (N, 3, T)");
  require(lags.ndim() == 1 && edges.ndim() == 2 && edges.shape(0) == lags.shape(0) && edges.shape(1) > 1 && bins > 0,
          "expected lags (L,), edges (L, B + 1) and at least one bin");
  const std::size_t ions = extent(series, 0), n = extent(series, 2), n_lags = extent(lags, 0),
                    blocks = extent(edges, 1) - 1;
  for (py::ssize_t l = 0; l < lags.shape(0); ++l)
    for (std::size_t b = 0; b < blocks; ++b)
      require(lags.at(l) >= 0 && edges.at(l, 0) >= 0 && edges.at(l, b) <= edges.at(l, b + 1) &&
                  edges.at(l, b + 1) + lags.at(l) <= series.shape(2),
              "expected ascending origins that leave room for the lag");
  Integers counts = zeros({n_lags, blocks, bins});
  Doubles moments({ions, n_lags, blocks, std::size_t{2}});
  std::fill_n(moments.mutable_data(), moments.size(), 0.0);
  const double *in = series.data();
  const std::int64_t *lag = lags.data(), *edge = edges.data();
  std::int64_t *out = counts.mutable_data();
  double *sums = moments.mutable_data();
  {
    py::gil_scoped_release release;
    parallel_tasks(n_lags, threads, [&](std::size_t l) {
      for (std::size_t i = 0; i < ions; ++i)
        for (std::size_t b = 0; b < blocks; ++b) {
          const std::int64_t *range = edge + l * (blocks + 1) + b;
          ufp::displacement_histogram(in + 3 * n * i, n, static_cast<std::size_t>(lag[l]),
                                      static_cast<std::size_t>(range[0]), static_cast<std::size_t>(range[1]), radius,
                                      bins, out + (l * blocks + b) * bins, sums + ((i * n_lags + l) * blocks + b) * 2);
        }
    });
  }
  return py::make_tuple(counts, moments);
}

// Counts (B, r_bins, angle_bins) of distance ligand-ion and angle centre-ligand-ion over blocks of frames.
Integers bond_angle_histogram(const Doubles &centres, const Doubles &ligands, const Doubles &ions, const Doubles &cells,
                              const Integers &edges, double radius, std::size_t r_bins, std::size_t angle_bins,
                              int threads)
{
  require_frames(centres, cells);
  require_frames(ligands, cells);
  require_frames(ions, cells);
  require(centres.shape(1) == ligands.shape(1), "expected one centre per ligand");
  require(edges.ndim() == 1 && edges.size() > 1 && edges.at(0) == 0 && edges.at(edges.size() - 1) == cells.shape(0),
          "expected edges from 0 to the number of frames");
  require(r_bins > 0 && angle_bins > 0, "expected at least one bin");
  const std::size_t n = extent(centres, 1), m = extent(ions, 1), blocks = extent(edges, 0) - 1;
  Integers counts = zeros({blocks, r_bins, angle_bins});
  const double *a = centres.data(), *s = ligands.data(), *x = ions.data(), *cell = cells.data();
  const std::int64_t *edge = edges.data();
  std::int64_t *out = counts.mutable_data();
  {
    py::gil_scoped_release release;
    parallel_tasks(blocks, threads, [&](std::size_t b) {
      for (auto t = static_cast<std::size_t>(edge[b]); t < static_cast<std::size_t>(edge[b + 1]); ++t) {
        const ufp::ImageCloud cloud(x + 3 * m * t, m, box_of(cell + 9 * t), radius);
        ufp::bond_angle_histogram(a + 3 * n * t, s + 3 * n * t, n, cloud, r_bins, angle_bins,
                                  out + b * r_bins * angle_bins);
      }
    });
  }
  return counts;
}

Doubles triple_angles(const Doubles &positions, const Integers &triples, const Doubles &cells, int threads)
{
  require_frames(positions, cells);
  require(triples.ndim() == 2 && triples.shape(1) == 3, "expected triples of shape (M, 3)");
  for (py::ssize_t k = 0; k < triples.size(); ++k)
    require(triples.data()[k] >= 0 && triples.data()[k] < positions.shape(1), "expected indices of atoms");
  const std::size_t frames = extent(positions, 0), n = extent(positions, 1), m = extent(triples, 0);
  Doubles angles({frames, m});
  const double *x = positions.data(), *cell = cells.data();
  const std::int64_t *triple = triples.data();
  double *out = angles.mutable_data();
  {
    py::gil_scoped_release release;
    parallel_tasks(frames, threads, [&](std::size_t t) {
      const ufp::PeriodicBox box = box_of(cell + 9 * t);
      std::array<double, 9> inverse{};  // its rows are the reciprocal vectors; the kernel wants them as columns
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t k = 0; k < 3; ++k) inverse[3 * k + i] = box.inverse[3 * i + k];
      ufp::triple_angles(x + 3 * n * t, triple, m, cell + 9 * t, inverse.data(), out + m * t);
    });
  }
  return angles;
}

}  // namespace

void bind_structure(py::module_ &m)
{
  m.def("pair_histogram", &pair_histogram, py::arg("a"), py::arg("b"), py::arg("cells"), py::arg("same"),
        py::arg("radius"), py::arg("bins"), py::arg("threads") = 0,
        "Counts (T, bins) of distances below radius from every a (T, N, 3) to every image of every b (T, M, 3), A; "
        "`same`: b is a, and an atom is no neighbour of itself.");
  m.def("distinct_histogram", &distinct_histogram, py::arg("positions"), py::arg("cells"), py::arg("origins"),
        py::arg("edges"), py::arg("lags"), py::arg("radius"), py::arg("bins"), py::arg("threads") = 0,
        "Counts (B, L, bins) of |r_i(t0 + lag) - r_j(t0)|, j not i, over blocks of origins; unwrapped positions, A.");
  m.def("displacement_histogram", &displacement_histogram, py::arg("series"), py::arg("lags"), py::arg("edges"),
        py::arg("radius"), py::arg("bins"), py::arg("threads") = 0,
        "Counts (L, B, bins) of |r(t0 + lag) - r(t0)| over blocks of origins, and sums (N, L, B, 2) of r^2, r^4.");
  m.def(
      "bond_angle_histogram", &bond_angle_histogram, py::arg("centres"), py::arg("ligands"), py::arg("ions"),
      py::arg("cells"), py::arg("edges"), py::arg("radius"), py::arg("r_bins"), py::arg("angle_bins"),
      py::arg("threads") = 0,
      "Counts (B, r_bins, angle_bins) of distance ligand-ion and angle centre-ligand-ion; ligands in the image bonded "
      "to their centre.");
  m.def("triple_angles", &triple_angles, py::arg("positions"), py::arg("triples"), py::arg("cells"),
        py::arg("threads") = 0, "Angles (T, M), rad, at the first atom of every triple (M, 3), by minimum images.");
}
