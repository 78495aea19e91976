// Any bytes as a potential: refused, or read, and once written (which puts neighbours in order) always the same.
#include "ufp/error.hpp"
#include "ufp/uf3_potential.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace
{

bool same(const ufp::Uf3Potential &a, const ufp::Uf3Potential &b)
{
  if (a.pairs.size() != b.pairs.size() || a.triplets.size() != b.triplets.size() || a.onebody != b.onebody)
    return false;
  for (std::size_t i = 0; i < a.pairs.size(); ++i) {
    const ufp::Uf3PairBlock &p = a.pairs[i], &q = b.pairs[i];
    if (p.elements != q.elements || p.cutoff != q.cutoff || p.knots != q.knots) return false;
    if (p.coefficients != q.coefficients) return false;
  }
  for (std::size_t i = 0; i < a.triplets.size(); ++i) {
    const ufp::Uf3TripletBlock &p = a.triplets[i], &q = b.triplets[i];
    if (p.elements != q.elements || p.cutoff != q.cutoff || p.knots != q.knots) return false;
    if (p.coefficients != q.coefficients) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
  const std::string text(reinterpret_cast<const char *>(data), size);
  ufp::Uf3WriteOptions options;
  options.allow_unloadable = true;
  for (const std::vector<std::string> &elements : {std::vector<std::string>{}, {"Li", "S"}, {"Li", "P", "S"}}) {
    std::string written;
    try {
      written = ufp::write_uf3(ufp::parse_uf3(text, "T.uf3", elements), options);
    } catch (const ufp::ParseError &) {
      continue;
    } catch (const ufp::DomainError &) {
      continue;
    }
    const ufp::Uf3Potential potential = ufp::parse_uf3(written, "T.uf3");
    if (!same(ufp::parse_uf3(ufp::write_uf3(potential, options), "T.uf3"), potential)) std::abort();
  }
  return 0;
}
