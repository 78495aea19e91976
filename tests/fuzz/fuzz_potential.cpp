// Any bytes as a potential: refused, or read, written and read again to the same text.
#include "ufp/error.hpp"
#include "ufp/uf3_potential.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

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
    if (ufp::write_uf3(ufp::parse_uf3(written, "T.uf3"), options) != written) std::abort();
  }
  return 0;
}
