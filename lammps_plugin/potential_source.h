// What pair_coeff names: a potential file and the element of each atom type. Restart files keep it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace LAMMPS_NS
{

class LAMMPS;

// Enough to notice that a file is no longer the one a run began with.
struct Fingerprint {
  std::uint64_t bytes = 0, checksum = 0;

  static Fingerprint of(const std::string &text);
  bool operator==(const Fingerprint &other) const { return bytes == other.bytes && checksum == other.checksum; }
};

struct PotentialSource {
  std::string file;
  std::vector<std::string> types;  // element of atom types 1, 2, ...; "NULL": none
  Fingerprint fingerprint;         // of the text that was read

  std::vector<std::string> elements() const;  // distinct, in order of first use
  std::vector<int> species() const;           // (ntypes + 1) type -> index into elements(), -1: NULL

  // A PotentialSource as text and back; an empty one has no file.
  std::string record() const;
  static PotentialSource from_record(const std::string &record);
};

// Read a file on one rank, from the current folder or LAMMPS_POTENTIALS, and give its text to all ranks.
// Returns the problem, or "" and the text. expected: what kind of file, for the message.
std::string read_on_all_ranks(LAMMPS *lmp, const std::string &file, const std::string &expected, std::string &text);

}  // namespace LAMMPS_NS
