#include <cmath>
#include <string>
#include <vector>

#include "check.hpp"
#include "uf3_text.hpp"
#include "ufp/error.hpp"
#include "ufp/uf3_evaluate.hpp"

namespace
{

struct Total {
  double energy = 0;
  std::vector<double> force, site;
  std::array<double, 6> virial{}, shares{};
  ufp::DomainEvents events;
};

// All centres of a free cluster of one element.
Total cluster(const ufp::Uf3Model &model, const std::vector<double> &x, ufp::Simd simd)
{
  const int n = static_cast<int>(x.size() / 3);
  Total out;
  out.force.assign(x.size(), 0.0);
  out.site.assign(x.size() / 3, 0.0);
  ufp::NeighborhoodBuffer buffer;
  ufp::Uf3Scratch w;
  w.reserve(model, n);
  for (int i = 0; i < n; ++i) {
    buffer.clear();
    std::vector<std::size_t> atom{static_cast<std::size_t>(i)};
    const auto coordinate = [&](int a, int c) { return x[static_cast<std::size_t>(3 * a + c)]; };
    for (int j = 0; j < n; ++j) {
      if (j == i) continue;
      buffer.add(0, coordinate(j, 0) - coordinate(i, 0), coordinate(j, 1) - coordinate(i, 1),
                 coordinate(j, 2) - coordinate(i, 2));
      atom.push_back(static_cast<std::size_t>(j));
    }
    double energy = 0;
    for (const ufp::Detail detail : {ufp::Detail::forces, ufp::Detail::virial, ufp::Detail::per_atom}) {
      std::vector<double> force(3 * atom.size(), 0.0), site(atom.size(), 0.0), share(6 * atom.size(), 0.0);
      ufp::Uf3Sums sums;
      sums.force = force.data();
      sums.atom_energy = site.data();
      sums.atom_virial = share.data();
      ufp::evaluate(model, buffer.view(0, 1), w, sums, detail, simd);
      if (detail == ufp::Detail::forces) energy = sums.energy;
      CHECK_CLOSE(sums.energy, energy, 0);
      if (detail != ufp::Detail::per_atom) continue;
      out.energy += energy;
      for (std::size_t c = 0; c < 6; ++c) out.virial[c] += sums.virial[c];
      for (std::size_t q = 0; q < atom.size(); ++q) {
        out.site[atom[q]] += site[q];
        for (std::size_t c = 0; c < 6; ++c) out.shares[c] += share[6 * q + c];
        for (std::size_t c = 0; c < 3; ++c) out.force[3 * atom[q] + c] += force[3 * q + c];
      }
    }
  }
  out.events = w.events;
  return out;
}

void check_path(ufp::Simd simd)
{
  const ufp::Uf3Model model(ufp::parse_uf3(tiny(), "T.uf3"), {"Li"});
  const auto total = [&](const std::vector<double> &x) { return cluster(model, x, simd); };
  CHECK_CLOSE(total({0, 0, 0, 2, 0, 0}).energy, 0.16, 1e-15);
  CHECK_CLOSE(total({0, 0, 0, 2, 0, 0}).force[0], -0.24, 1e-15);
  CHECK_CLOSE(total({0, 0, 0, 3, 0, 0}).energy, 0.02, 1e-15);
  CHECK_CLOSE(total({0, 0, 0, 3, 0, 0}).force[0], -0.06, 1e-15);
  CHECK_CLOSE(total({0, 0, 0, 4, 0, 0, 0, 2, 0}).energy, 0.16, 1e-14);

  const Total triangle = total({0, 0, 0, 2, 0, 0, 1, std::sqrt(3.0), 0});
  CHECK_CLOSE(triangle.energy, 0.521472, 1e-14);
  CHECK_CLOSE(triangle.force[0], -0.432576, 1e-14);
  CHECK_CLOSE(triangle.force[1], -0.249747870045, 1e-12);
  CHECK_CLOSE(triangle.force[7], 0.49949574009, 1e-11);
  CHECK_CLOSE(triangle.virial[0], 0.865152, 1e-14);
  CHECK_CLOSE(triangle.virial[1], 0.865152, 1e-14);
  CHECK_CLOSE(triangle.virial[3], 0, 1e-14);
  for (std::size_t c = 0; c < 6; ++c) CHECK_CLOSE(triangle.shares[c], triangle.virial[c], 1e-14);
  CHECK_CLOSE(triangle.site[0] + triangle.site[1] + triangle.site[2], triangle.energy, 1e-14);
  CHECK(triangle.events.short_pairs == 0);
  CHECK_CLOSE(triangle.events.closest, 2, 1e-15);

  // below the first knot
  const Total close = total({0, 0, 0, 0.5, 0, 0});
  CHECK_CLOSE(close.energy, 0.81, 1e-14);
  CHECK_CLOSE(close.force[1 * 3], 0.54, 1e-14);
  CHECK(close.events.short_pairs == 6);  // two ordered pairs, each evaluated three times above
  CHECK_CLOSE(close.events.closest, 0.5, 0);
  const Total clamped = total({0, 0, 0, 0.5, 0, 0, 0, 2, 0});
  CHECK(clamped.events.clamped_triplets > 0);
  const Total same = total({0, 0, 0, 0, 0, 0, 0, 2, 0});
  CHECK(same.events.coincident == 6);
  for (const double f : same.force) CHECK(std::isfinite(f));
}

}  // namespace

int main()
{
  for (const ufp::Simd simd : ufp::simd_available()) check_path(simd);

  const ufp::Uf3Model model(ufp::parse_uf3(tiny(), "T.uf3"), {"Li"});
  CHECK(model.cutoff() == 4.0);
  CHECK(model.notes().size() == 1);  // the triplet term does not vanish at its first knots

  // an attractive wall is continued by a repulsive one and reported
  const ufp::Uf3Model wall(ufp::parse_uf3(replaced(tiny_pair(), "0.27", "-0.27"), "T.uf3"), {"Li"}, {2, false, false});
  CHECK(wall.notes().size() == 1);
  double slope = 0;
  CHECK_CLOSE(wall.pair(0, 0, 0.5, slope), -0.27 + 0.5 * 1.27, 1e-15);
  CHECK_CLOSE(slope, -1.27, 1e-15);

  // the curves agree with the sums
  std::array<double, 3> g{};
  CHECK_CLOSE(model.triplet(0, 0, 0, {2, 2, 2}, g), 0.013824, 1e-16);
  CHECK_CLOSE(g[0], -3 * 0.013824 / 2, 1e-15);
  CHECK_CLOSE(g[2], -3 * 0.013824 / 6, 1e-15);

  for (const std::vector<std::string> &elements : {std::vector<std::string>{"S"}, {"Li", "Li"}, {}}) {
    bool refused = false;
    try {
      ufp::Uf3Model(ufp::parse_uf3(tiny(), "T.uf3"), elements);
    } catch (const ufp::DomainError &) {
      refused = true;
    }
    CHECK(refused);
  }
  return 0;
}
