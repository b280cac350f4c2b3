package bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/**
 * Makes and deletes topics. Arguments: bootstrap servers, then {@code create PARTITIONS CLEANUP_POLICY TIMESTAMP_TYPE
 * NAME…}, or {@code delete PREFIX…}.
 */
public final class Topics {
    private Topics() {}

    public static void main(String[] arguments) throws ExecutionException, InterruptedException {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            if (arguments[1].equals("create")) create(admin, arguments);
            else delete(admin, Arrays.asList(arguments).subList(2, arguments.length));
        }
    }

    private static void create(Admin admin, String[] arguments) throws ExecutionException, InterruptedException {
        int partitions = Integer.parseInt(arguments[2]);
        Map<String, String> configuration =
                Map.of("cleanup.policy", arguments[3], "message.timestamp.type", arguments[4], "retention.ms", "-1");
        List<NewTopic> topics = new ArrayList<>();
        for (String name : Arrays.asList(arguments).subList(5, arguments.length)) {
            topics.add(new NewTopic(name, partitions, (short) 1).configs(configuration));
        }
        admin.createTopics(topics).all().get();
    }

    private static void delete(Admin admin, List<String> prefixes) throws ExecutionException, InterruptedException {
        Set<String> names = admin.listTopics().names().get();
        names.removeIf(name -> prefixes.stream().noneMatch(name::startsWith));
        admin.deleteTopics(names).all().get();
    }
}
