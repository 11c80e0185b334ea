/* All limits of Isthmus in one place. Full is a refusal with a reason, never a crash.
 * Sizes of text fields count the terminating zero. */
#pragma once

enum {
    /* texts */
    limit_id_size = 36,        /* "op-" and 26 characters */
    limit_name_size = 64,      /* a DNS label */
    limit_setting_size = 112,  /* a setting of a file: "[downlink-server NAME] ca_file" */
    limit_address_size = 256,  /* at a carrier, in its own form */
    limit_digest_size = 65,    /* SHA-256 in hex */
    limit_software_size = 48,
    limit_key_size = 65,       /* Idempotency-Key */
    limit_text_size = 256,     /* a problem's words */
    limit_query_size = 256,    /* what a list's rows are to have, or to show */
    limit_cursor_size = 128,   /* where a page of a list goes on */
    limit_public_key_size = 44, /* X25519 in base64url */
    limit_port = 65535,          /* of TCP */
    limit_stream_url_size = 256, /* where streams are dialled to */
    limit_log_piece = 12288,   /* bytes of a console's log in one message */
    limit_user_data = 16384,   /* bytes of first-boot data */
    limit_user_data_base64 = (limit_user_data + 2) / 3 * 4,
    limit_labels = 255,        /* bytes of a cluster's labels, or of those that are asked for */
    limit_metadata = 16384,    /* bytes of what a tenant says of a VM */
    limit_metadata_key = 255,  /* bytes of a name in it */
    limit_title = 255,         /* bytes of a VM's title */
    limit_contact_address = 1023, /* bytes of where a contact is */
    limit_rule_words = 1023,    /* bytes of the patterns that a rule has of one thing */
    limit_rule_refusal = 200,   /* bytes of what a rule says to whom it refuses */
    limit_contact_events = 255, /* bytes of the words for what it is told */
    limit_said_tenant = 16777216, /* bytes of both, of all VMs of one tenant */
    limit_said = 1073741824,   /* and of all tenants */
    limit_ip_size = 46,        /* an IPv6 address, in text */
    limit_landing = 1024,      /* bytes of a libvirt's URI, or of a path */
    limit_permissions = 4096,  /* bytes of a list of what is permitted */
    limit_network_names = 4096, /* bytes of a list of the networks that a place has */
    limit_ssh_key = 4096,      /* bytes of an SSH public key with its comment */
    limit_vm_ssh_keys_bytes = 16384, /* of all of one VM */
    limit_vm_ssh_names = 1023, /* bytes of a list of their names */
    limit_identity_size = 256,  /* who somebody is to an OpenID provider, terminated */
    limit_vm_network_names = 255, /* bytes of a list of those that a VM is to be in */
    limit_vm_allow = 1023,     /* bytes of the rules of who may begin to speak to it */

    /* tables */
    limit_shapes = 64,
    limit_networks = 64,        /* that tenants may ask for; that a host has */
    limit_vm_networks = 4,      /* that one VM is in: network interfaces */
    limit_vm_allow_rules = 16,  /* of who may begin to speak to it */
    limit_interface_ips = 4,    /* of one interface, that are told */
    limit_ssh_keys = 32,        /* that a tenant keeps */
    limit_access_tokens = 32,   /* of one tenant, or of the operators */
    limit_contacts = 8,         /* of one tenant, or of the operators */
    limit_rules = 256,          /* by which operators place VMs */
    limit_delivery_notices = 50, /* told in one message to a contact */
    limit_vm_ssh_keys = 16,     /* of one VM */
    limit_images = 1000,
    limit_holds = 256,          /* of them that a place tells it has */
    limit_shown_names = 16384,  /* bytes of a list of names that is worked out */
    limit_tenants = 10000,
    limit_peers = 10000,        /* agents of one manager */
    limit_uplinks = 16,         /* upstream managers of one cluster */
    limit_endpoints = 8,        /* of one link */
    limit_accounts = 1000,      /* of one relay */
    limit_vms = 1000000,        /* per daemon */
    limit_operations_kept = 100000, /* ended ones that stay readable upstream */
    limit_operations_warm = 256, /* of them in memory; the others are read from the store */
    limit_operations_owner = 1000, /* ended ones that a cluster's owner can read */
    limit_idempotency_keys = 100000,
    limit_audit_rows = 100000,  /* of what was asked for, unless configured */
    limit_audit_rows_most = 1000000, /* that may be configured */
    limit_timeline = 40,        /* entries per operation */
    limit_refusals = 8,         /* places that are asked for one VM, at the most */
    limit_snapshots = 8,        /* of one VM */
    limit_copies = 2,           /* of one VM that are kept, each whole */
    limit_waiters = 4096,       /* replies held open by ?wait= */
    limit_requests_of_asker = 256, /* open at a time, unless configured; 3/4 may wait */
    limit_watchers_of_asker = 16, /* streams of what changes, open at a time */
    limit_metrics = 20000,      /* numbers that a manager tells */
    limit_metrics_things = 1000, /* clusters, hosts, tenants, of each, that have theirs */
    limit_page = 500,           /* rows in one page of a list */
    limit_page_default = 100,
    limit_page_walk = 50000,    /* rows that are left out for one page: it is then shorter */
    limit_sorted = 50000,       /* rows that are put into another order than by age */
    limit_join_tokens = 1000,   /* of one manager */
    limit_table_chunk = 16,     /* VMs in one `table` message */
    limit_usage_chunk = 32,     /* VMs in one `usages` message */
    limit_usage_marks = 256,    /* of what one VM has used, that are kept */
    limit_usage_kept = 2097152, /* of all VMs; 28 bytes each */
    limit_leftovers = 1000,     /* of one place, that are listed */
    limit_salvage = 1000,       /* what lost hosts have put aside, that is listed */
    limit_reasons = 16,         /* why VMs are still on a host that is to be empty */

    /* sizes of one VM */
    limit_cpus = 1024,
    limit_memory_mib = 16777216,
    limit_disk_gib = 1048576,

    /* what a host lends of its processors and its memory, in per cent of what it has */
    limit_lend_least_percent = 10,
    limit_lend_cpus_percent = 1600,
    limit_lend_memory_percent = 400,

    /* traffic */
    limit_frame_soft = 4096,    /* characters of a sealed batch (facts: servers slow above) */
    limit_frame_hard = 65536,   /* bytes of a sealed frame at the very most */
    limit_frame_batch = 3032,   /* bytes at which a batch is closed, before it is sealed */
    limit_frame_bytes = 49112,  /* bytes of a frame at the very most, before it is sealed */
    limit_authority = 4096,     /* bytes of a certificate authority in a join token, PEM */
    limit_join_token = 65536,   /* characters of a join token */
    limit_join_characters = 1024, /* of a sealed request to join */
    limit_frame_messages = 2048, /* in one frame */
    limit_backlog = 8192,       /* operations of one upstream manager under way in a cluster */
    limit_at_once = 1024,       /* of them at one host, where several managers share it */
    limit_at_once_usual = 4,
    limit_weight = 1000,        /* of an upstream manager beside others */
    limit_session_messages = 1024, /* sent to one peer and not acknowledged yet */
    limit_session_bytes = 524288,  /* of the memory that they take */
    limit_body = 65536,         /* bytes of a request's JSON body */
    limit_tenant_images = 50,   /* of a tenant's own */
    limit_uploads = 4,          /* images that come in at the same time */
    limit_upload_gib = 256,     /* of one image's archive */

    /* times */
    limit_deadline_ms = 86400000, /* of one operation */
    limit_copy_least_s = 10,    /* from one copy of a VM's disk to the next, at the least */
    limit_copy_s = 2678400,     /* at the most, and their age: 31 days */
    limit_usage_ms = 3600000,   /* between two words of what VMs use */
    limit_lease_ms = 3600000,   /* for which a place may run on without a word */
    limit_join_seconds = 2592000, /* until a join token expires */
    limit_access_seconds = 315360000, /* until an access token expires */
    limit_rekey_seconds = 604800, /* in which both keys of an end are heard */
    limit_wait_seconds = 600,
    limit_grace_seconds = 2592000, /* before the VMs of a revoked upstream manager end */
};

enum { limit_vm_ips = limit_vm_networks * limit_interface_ips };

/* Of each thing that a place says it has, CPUs, MiB, GiB, VMs that fit, no more is believed, nor
 * told: the sums over all peers of a manager stay far below what a number on the wire may be. */
#define limit_place (1ULL << 40)
