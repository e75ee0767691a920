// The rule of the house: src/rooms.txt says who may include whom, and this holds it.
// FULCRUM_SOURCE_DIR in the environment points the first two tests at a copy of the tree.
#include "tests/architecture/rooms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/architecture/made_up_tree.h"
#include "tests/architecture/source_tree.h"

namespace fulcrum::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

TEST(Rooms, TheTreeKeepsTheRules) {
  for (const std::string& finding : CheckRooms(SourceRoot())) ADD_FAILURE() << finding;
}

TEST(Rooms, TheReadmeWalksAllRoomsInOrder) {
  for (const std::string& finding : CheckReadme(SourceRoot())) ADD_FAILURE() << finding;
}

// A tree that keeps every rule; each test below breaks one.
MadeUpTree Sound() {
  return MadeUpTree({
      {"src/rooms.txt",
       "# comment\n"
       "\n"
       "base:      |\n"
       "store: | rocksdb\n"
       "edge: store | grpc protobuf\n"
       "apps: * | cli11\n"},
      {"src/README.md", "# Rooms\n\n## `base`\n\n## `store`\n\n## `edge`\n\n## `apps`\n"},
      {"include/fulcrum/decision.h", "#include <vector>\n#include \"absl/status/status.h\"\n"},
      {"proto/fulcrum/v1/service.proto", "syntax = \"proto3\";\n"},
      {"src/base/math.h", "#include <cmath>\n#include <sys/stat.h>\n"},
      {"src/store/store.h", "#include \"base/math.h\"\n#include \"rocksdb/db.h\"\n"},
      {"src/edge/edge.h",
       "#include <grpcpp/server.h>\n"
       "#include \"fulcrum/decision.h\"\n"
       "#include \"fulcrum/v1/service.grpc.pb.h\"\n"
       "#include \"fulcrum/v1/service.pb.h\"\n"
       "#include \"store/store.h\"\n"
       "#include <unistd.h>\n"},
      {"src/apps/main.cc", "#include <CLI/CLI.hpp>\n#include \"edge/edge.h\"\n"},
  });
}

TEST(RoomsChecker, AcceptsASoundTree) {
  const MadeUpTree tree = Sound();
  EXPECT_THAT(CheckRooms(tree.root()), IsEmpty());
  EXPECT_THAT(CheckReadme(tree.root()), IsEmpty());
}

TEST(RoomsChecker, FindsAForbiddenInclude) {
  const MadeUpTree tree = Sound();
  tree.Write("src/store/other.cc", "// comment\n  #  include \"edge/edge.h\"\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/store/other.cc:2: store may not include edge; see src/rooms.txt."));
}

TEST(RoomsChecker, FindsAForbiddenIncludeInAngles) {
  const MadeUpTree tree = Sound();
  tree.Write("src/base/other.h", "#include <store/store.h>\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/base/other.h:1: base may not include store; see src/rooms.txt."));
}

TEST(RoomsChecker, FindsAForbiddenThirdParty) {
  const MadeUpTree tree = Sound();
  tree.Write("src/edge/other.cc", "\n\n#include \"rocksdb/db.h\"\n");
  tree.Write("src/store/proto.cc", "#include \"fulcrum/v1/service.pb.h\"\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/edge/other.cc:3: edge may not see rocksdb; see src/rooms.txt.",
                          "src/store/proto.cc:1: store may not see protobuf; see src/rooms.txt."));
}

TEST(RoomsChecker, FindsAThirdPartyNobodyKnows) {
  const MadeUpTree tree = Sound();
  tree.Write("src/edge/other.cc", "#include <boost/any.hpp>\n#include <lz4.h>\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/edge/other.cc:1: \"boost/any.hpp\" is a third party that "
                          "tests/architecture/rooms.cc does not know.",
                          "src/edge/other.cc:2: \"lz4.h\" is a third party that "
                          "tests/architecture/rooms.cc does not know."));
}

TEST(RoomsChecker, FindsARoomWithoutFolder) {
  const MadeUpTree tree = Sound();
  tree.Remove("src/base");
  tree.Write("src/store/store.h", "#include <rocksdb/db.h>\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/rooms.txt:3: the room base has no source in src/base."));
}

TEST(RoomsChecker, FindsAFolderWithoutSources) {
  const MadeUpTree tree = Sound();
  tree.Remove("src/base/math.h");
  tree.Write("src/base/notes.txt", "");
  tree.Write("src/store/store.h", "#include <rocksdb/db.h>\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/rooms.txt:3: the room base has no source in src/base."));
}

TEST(RoomsChecker, FindsAFolderWithoutLine) {
  const MadeUpTree tree = Sound();
  tree.Write("src/attic/old.h", "#include \"edge/edge.h\"\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/attic:1: the folder attic has no line in src/rooms.txt."));
}

TEST(RoomsChecker, FindsAFolderInARoom) {
  const MadeUpTree tree = Sound();
  tree.Write("src/edge/inner/x.h", "");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/edge/inner:1: rooms are flat, edge may not have the folder inner."));
}

TEST(RoomsChecker, FindsACycle) {
  const MadeUpTree tree = Sound();
  tree.Write("src/rooms.txt",
             "base: |\nstore: edge | rocksdb\nedge: store | grpc protobuf\napps: * | cli11\n");
  tree.Write("src/store/other.cc", "#include \"edge/edge.h\"\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/rooms.txt:3: rooms may not form a cycle: store -> edge -> store."));
}

TEST(RoomsChecker, FindsUnusedAllowances) {
  const MadeUpTree tree = Sound();
  tree.Write("src/rooms.txt",
             "base: |\nstore: | rocksdb openssl\nedge: store | grpc protobuf\n"
             "attic: store |\napps: * | cli11\n");
  tree.Write("src/attic/old.h", "#include \"base/math.h\"\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/rooms.txt:2: store is allowed openssl and does not use it: take it "
                          "out.",
                          "src/rooms.txt:4: attic is allowed store and does not use it: take it "
                          "out."));
}

TEST(RoomsChecker, FindsAnythingThatIncludesApps) {
  const MadeUpTree tree = Sound();
  tree.Write("src/apps/command.h", "");
  tree.Write("src/edge/other.cc", "#include \"apps/command.h\"\n");
  EXPECT_THAT(CheckRooms(tree.root()),
              ElementsAre("src/edge/other.cc:1: nothing may include apps."));
}

TEST(RoomsChecker, FindsAnIncludeThatDoesNotResolve) {
  const MadeUpTree tree = Sound();
  tree.Write("src/edge/other.cc",
             "#include \"store/gone.h\"\n#include \"fulcrum/gone.h\"\n#include \"edge.h\"\n"
             "#include \"fulcrum/v1/gone.pb.h\"\n#include \"tests/fake.h\"\n");
  EXPECT_THAT(
      CheckRooms(tree.root()),
      ElementsAre(
          "src/edge/other.cc:1: \"store/gone.h\" does not resolve: there is no src/store/gone.h.",
          "src/edge/other.cc:2: \"fulcrum/gone.h\" does not resolve: there is no "
          "include/fulcrum/gone.h.",
          "src/edge/other.cc:3: \"edge.h\" is neither a room's header nor a public one.",
          "src/edge/other.cc:4: \"fulcrum/v1/gone.pb.h\" does not resolve: there is no "
          "proto/fulcrum/v1/gone.proto.",
          "src/edge/other.cc:5: \"tests/fake.h\" is neither a room's header nor a public one."));
}

TEST(RoomsChecker, FindsPublicHeadersThatSeeTooMuch) {
  const MadeUpTree tree = Sound();
  tree.Write("include/fulcrum/client.h",
             "#include \"base/math.h\"\n#include <grpcpp/channel.h>\n"
             "#include \"fulcrum/v1/service.pb.h\"\n#include <unistd.h>\n");
  EXPECT_THAT(
      CheckRooms(tree.root()),
      ElementsAre("include/fulcrum/client.h:1: a public header may not include src/base/math.h.",
                  "include/fulcrum/client.h:2: a public header sees the standard library, Abseil "
                  "and fulcrum/ only, not \"grpcpp/channel.h\".",
                  "include/fulcrum/client.h:3: a public header may not include generated code.",
                  "include/fulcrum/client.h:4: a public header sees the standard library, Abseil "
                  "and fulcrum/ only, not \"unistd.h\"."));
}

TEST(RoomsChecker, FindsFaultyLines) {
  const MadeUpTree tree = Sound();
  tree.Write("src/rooms.txt",
             "base: |\nstore: base | rocksdb\nstore: |\nedge store grpc\n"
             "apps: * attic | cli11 boost\n");
  tree.Remove("src/edge");
  tree.Write("src/apps/main.cc", "#include <CLI/CLI.hpp>\n#include \"store/store.h\"\n");
  const std::string unknown =
      "src/rooms.txt:5: boost is no third party known to tests/architecture/rooms.cc.";
  EXPECT_THAT(CheckRooms(tree.root()),
              IsSupersetOf<std::string>({
                  "src/rooms.txt:2: store may include base anyway: do not list it.",
                  "src/rooms.txt:3: the room store has two lines.",
                  "src/rooms.txt:4: expected `room: rooms | third parties`.",
                  "src/rooms.txt:5: apps names the room attic, which has no line.",
                  unknown,
              }));
}

TEST(RoomsChecker, AnAbsentTreeIsAFinding) {
  const MadeUpTree tree({});
  EXPECT_THAT(CheckRooms(tree.root()), ElementsAre("src/rooms.txt:1: missing or empty."));
}

TEST(ReadmeChecker, FindsAWrongOrder) {
  const MadeUpTree tree = Sound();
  tree.Write("src/README.md", "## `base`\n## `edge`\n## `store`\n## `apps`\n");
  EXPECT_THAT(CheckReadme(tree.root()),
              ElementsAre("src/README.md:2: expected `store` here, as in src/rooms.txt, not "
                          "`edge`."));
}

TEST(ReadmeChecker, FindsARoomThatIsNotDescribed) {
  const MadeUpTree tree = Sound();
  tree.Write("src/README.md", "## `base`\n## `store`\n## `edge`\n");
  EXPECT_THAT(CheckReadme(tree.root()),
              ElementsAre("src/README.md:3: the room `apps` is not described."));
}

}  // namespace
}  // namespace fulcrum::architecture
